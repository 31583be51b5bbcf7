import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import { readRunReport } from '../../ledger/report';
import type { PlanAnswer, ProgressAnswer, ReconcileInput } from '../../contracts/messages';
import { InProcess, quiet } from '../support/in-process';
import { createTimeSkipping } from '../support/time-skipping';

let time: TestWorkflowEnvironment;
let count = 0;

beforeAll(async () => {
  quiet();
  time = await createTimeSkipping();
});
afterAll(() => time.teardown());

function start(world: InProcess, input: ReconcileInput = {}) {
  count += 1;
  return world.startReconcile({ apply: true, approvalTimeout: '24h', ...input }, `terms-${count}`);
}

const worldWith = (taskQueue: string, defaults: string) =>
  InProcess.start({
    client: time.client,
    connection: time.nativeConnection,
    taskQueue,
    defaults: `concurrency: 2, ${defaults}`,
  });

async function refusalOf(answer: Promise<unknown>): Promise<string> {
  const error: unknown = await answer.then(
    () => new Error('it was taken'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof WorkflowUpdateFailedError)) throw error as Error;
  return (error.cause as Error).message;
}

async function reportOf(world: InProcess, handle: WorkflowHandle) {
  const report = await readRunReport(await world.resources.ledger(), handle.workflowId);
  if (!report) throw new Error(`no run ${handle.workflowId}`);
  return report;
}

const planOf = (handle: WorkflowHandle) => handle.query<PlanAnswer>('plan');
const detailsOf = async (world: InProcess, handle: WorkflowHandle) =>
  (await world.metadata(handle)).currentDetails ?? '';

/** What became of each finding, by table and operation. */
async function fates(world: InProcess, handle: WorkflowHandle) {
  const rows = await world.target.query(
    `select table_name || ' ' || inconsistency_type || ' ' || resolution as fate from trueup.reconciliation_log
      where run_id = $1 order by 1`,
    [handle.workflowId],
  );
  return rows.map((row) => row['fate']);
}

const corrected = async (world: InProcess, handle: WorkflowHandle) =>
  world.target.query(
    `select table_name, operation, status, approver from trueup.correction_log where run_id = $1 order by 1, 2`,
    [handle.workflowId],
  );

/*
 * The tables of every test: of orders two rows are missing, one is extra and one differs; of customers one differs.
 */

describe('a plan over its guard', () => {
  let world: InProcess;
  const breach = { table: 'orders', changes: 2, rows: 59, limit: 1 };
  const figures = 'orders: 2 of 59 rows would be deleted or overwritten, the limit is 1';

  beforeAll(async () => {
    world = await worldWith('guard', 'guard: { rows: 1, percent: 1 }, corrections: { mismatched: auto, extra: auto }');
  });
  afterAll(() => world.stop());
  beforeEach(() => world.reset());

  it('waits although nothing in it needs an approval, and is not approved without an override', async () => {
    const before = await world.contents();
    const handle = await start(world);
    const plan = await world.untilGate(handle);
    expect(plan).toMatchObject({ needsApproval: true, blocked: [breach] });
    expect(plan.lines.map((line) => [line.table, line.operation, line.needsApproval])).toEqual([
      ['orders', 'insert', false],
      ['customers', 'update', false],
      ['orders', 'update', true],
      ['orders', 'delete', true],
    ]);
    const details = await detailsOf(world, handle);
    expect(details).toContain('**Blocked**');
    expect(details).toContain(`- ${figures}`);
    expect(details).toContain(`trueup approve ${handle.workflowId} --plan ${plan.digest} --override`);
    expect(details).toContain('"override":true');
    const report = await reportOf(world, handle);
    expect(report).toMatchObject({ status: 'awaiting_approval', blocked: [breach], decision: null });

    const approval = { decision: 'approve', approver: 'ada', planDigest: plan.digest };
    const refusal = `approve: the plan is blocked and override is not given: ${figures}`;
    expect(await refusalOf(world.decide(handle, approval))).toBe(refusal);
    await handle.signal('approve', { ...approval, override: false });
    expect(await world.untilRefused(handle, 2)).toEqual([
      refusal,
      expect.stringMatching(/^approve: unknown field|^approve: the plan is blocked/),
    ]);
    expect(await world.contents()).toEqual(before);
    expect(await refusalOf(world.decide(handle, { ...approval, override: 'yes' }))).toBe(
      'override: found a string, allowed: true or false',
    );

    const decision = await world.decide(handle, { ...approval, override: true });
    expect(decision).toMatchObject({ decision: 'approve', override: true });
    expect(await handle.result()).toMatchObject({ status: 'applied' });
    expect(await world.target.query('select decision, override, accepted from trueup.decision order by id')).toEqual([
      { decision: 'approve', override: 'f', accepted: 'f' },
      { decision: 'approve', override: 'f', accepted: 'f' },
      { decision: 'approve', override: 't', accepted: 't' },
    ]);
    expect(await corrected(world, handle)).toEqual([
      { table_name: 'customers', operation: 'update', status: 'SUCCESS', approver: null },
      { table_name: 'orders', operation: 'delete', status: 'SUCCESS', approver: 'ada' },
      { table_name: 'orders', operation: 'insert', status: 'SUCCESS', approver: null },
      { table_name: 'orders', operation: 'insert', status: 'SUCCESS', approver: null },
      { table_name: 'orders', operation: 'update', status: 'SUCCESS', approver: 'ada' },
    ]);
    const after = await reportOf(world, handle);
    expect(after.decision).toEqual(decision);
    expect(await detailsOf(world, handle)).toContain('; overriding the guard');
  });

  it('expires like any other: nothing at all is done', async () => {
    const before = await world.contents();
    const handle = await start(world, { approvalTimeout: '1h' });
    await world.untilGate(handle);
    expect(await handle.result()).toMatchObject({ status: 'expired' });
    expect(await world.contents()).toEqual(before);
  });

  it('is said to be so by a dry run too', async () => {
    const handle = await start(world, { apply: false });
    expect(await handle.result()).toMatchObject({ status: 'inconsistent' });
    expect((await planOf(handle)).plan).toMatchObject({ blocked: [breach] });
    expect(await detailsOf(world, handle)).toContain(figures);
    expect(await reportOf(world, handle)).toMatchObject({ blocked: [breach], plan: { length: 4 } });
  });

  it('is applied without an override as far as a part keeps to the guard', async () => {
    const handle = await start(world);
    const { digest } = await world.untilGate(handle);
    const approval = { decision: 'approve', approver: 'ada', planDigest: digest, operations: ['delete'] };
    expect(await world.decide(handle, approval)).not.toHaveProperty('override');
    expect(await handle.result()).toMatchObject({ status: 'applied' });
    expect(await fates(world, handle)).toEqual([
      'customers field_mismatch AUTO_CORRECTED',
      'orders extra_in_target APPROVED_CORRECTED',
      'orders field_mismatch OPEN',
      'orders missing_in_target AUTO_CORRECTED',
      'orders missing_in_target AUTO_CORRECTED',
    ]);
  });

  it('does not wait where the tables keep to it', async () => {
    await world.target.query('delete from orders where id = 900');
    const handle = await start(world);
    expect(await handle.result()).toMatchObject({ status: 'applied' });
    expect(await reportOf(world, handle)).toMatchObject({ blocked: [], remaining: 0 });
  });
});

describe('the approval of a part', () => {
  let world: InProcess;

  beforeAll(async () => {
    world = await worldWith('partial', 'statementTimeout: 1m');
  });
  afterAll(() => world.stop());
  beforeEach(() => world.reset());

  it('applies that part and what needs no approval, and leaves the rest open and untouched', async () => {
    const untouched = await world.target.query('select c::text from customers c where id = 5');
    const handle = await start(world);
    const { digest } = await world.untilGate(handle);
    const scope = { tables: ['orders'], operations: ['update'] };
    const decision = await world.decide(handle, { decision: 'approve', approver: 'ada', planDigest: digest, ...scope });
    expect(decision).toMatchObject(scope);
    expect(await handle.result()).toMatchObject({ status: 'applied', planDigest: digest });
    expect(await fates(world, handle)).toEqual([
      'customers field_mismatch OPEN',
      'orders extra_in_target OPEN',
      'orders field_mismatch APPROVED_CORRECTED',
      'orders missing_in_target AUTO_CORRECTED',
      'orders missing_in_target AUTO_CORRECTED',
    ]);
    expect((await corrected(world, handle)).map(({ operation }) => operation)).toEqual(['insert', 'insert', 'update']);
    expect(await world.target.query('select c::text from customers c where id = 5')).toEqual(untouched);
    expect(await world.target.query('select note from orders where id in (30, 900) order by id')).toEqual([
      { note: 'secret note 30' },
      { note: 'secret extra' },
    ]);
    expect(await world.target.query('select count(*) as n from trueup.before_image')).toEqual([{ n: '3' }]);

    const report = await reportOf(world, handle);
    expect(report).toMatchObject({
      status: 'applied',
      remaining: 2,
      leftOut: 2,
      corrections: { SUCCESS: 3 },
      decision,
    });
    expect(report.plan.map((line) => [line.table, line.operation, line.leftOut ?? 0])).toEqual([
      ['orders', 'insert', 0],
      ['customers', 'update', 1],
      ['orders', 'update', 0],
      ['orders', 'delete', 1],
    ]);
    expect(await planOf(handle)).toMatchObject({ decision: scope, leftOut: 2 });
    expect((await handle.query<ProgressAnswer>('progress')).corrections).toEqual({ done: 3, total: 3 });
    const details = await detailsOf(world, handle);
    expect(details).toContain('tables orders; operations update; 2 corrections left out');
    expect(details).toContain('Corrections: 3 of 3');
    expect(
      await world.target.query('select to_json(tables) as t, to_json(operations) as o from trueup.decision'),
    ).toEqual([{ t: '["orders"]', o: '["update"]' }]);
  });

  it('can be given by signal, and what was left out is found again by the next run', async () => {
    const handle = await start(world);
    const { digest } = await world.untilGate(handle);
    await handle.signal('approve', { approver: 'ada', planDigest: digest, tables: ['customers'] });
    expect(await handle.result()).toMatchObject({ status: 'applied' });
    const next = await start(world);
    const plan = await world.untilGate(next);
    expect(plan.lines.map(({ table, operation, rows }) => [table, operation, rows])).toEqual([
      ['orders', 'update', 1],
      ['orders', 'delete', 1],
    ]);
    await next.signal('approve', { approver: 'ada', planDigest: plan.digest });
    expect(await next.result()).toMatchObject({ status: 'applied' });
    expect(await reportOf(world, next)).toMatchObject({ remaining: 0, leftOut: 0 });
  });

  it('is refused where it names what the plan does not have, or nothing: in the ledger, and the target stays', async () => {
    const before = await world.contents();
    const handle = await start(world);
    const { digest } = await world.untilGate(handle);
    const approval = { approver: 'ada', planDigest: digest };
    const refusals = [
      'approve: tables: the plan has no ordres; it has orders, customers',
      'approve: nothing in this part of the plan needs approval: tables customers; operations delete',
      'approve: unknown field "table"; allowed: decision, approver, planDigest, reason, note, tables, operations, override',
      'approve: operations: found a list, allowed: a list of insert, update, delete',
    ];
    expect(await refusalOf(world.decide(handle, { ...approval, decision: 'approve', tables: ['ordres'] }))).toBe(
      refusals[0],
    );
    await handle.signal('approve', { ...approval, tables: ['customers'], operations: ['delete'] });
    await handle.signal('approve', { ...approval, table: ['orders'] });
    await handle.signal('approve', { ...approval, operations: ['del\0ete'] });
    expect(await world.untilRefused(handle, 4)).toEqual(refusals);
    await handle.signal('reject', { approver: 'a\0da', reason: 'enough' });
    expect(await handle.result()).toMatchObject({ status: 'rejected' });
    expect((await world.decisions(handle.workflowId)).map(({ refusal }) => refusal)).toEqual([...refusals, null]);
    expect(await world.contents()).toEqual(before);
    const [first] = await world.target.query(
      'select to_json(tables) as t from trueup.decision where run_id = $1 order by id',
      [handle.workflowId],
    );
    expect(first).toEqual({ t: '["ordres"]' });
  });

  it('is of the plan that was frozen: one that was tampered with is not applied in part either', async () => {
    const before = await world.contents();
    const handle = await start(world);
    const { digest } = await world.untilGate(handle);
    await world.target.query(`update trueup.plan_item set operation = 'delete', after_data = null where seq = 3`);
    await handle.signal('approve', { approver: 'ada', planDigest: digest, tables: ['orders'] });
    await expect(handle.result()).rejects.toMatchObject({ cause: { cause: { type: 'PLAN_CHANGED' } } });
    expect(await world.contents()).toEqual(before);
  });
});

describe('triggers of the target', () => {
  let world: InProcess;

  beforeAll(async () => {
    world = await worldWith('triggers', 'statementTimeout: 1m');
  });
  afterAll(() => world.stop());

  it('that the plan fires are named on its lines, and no others', async () => {
    await world.reset();
    await world.target.query(`
      create or replace function noop() returns trigger language plpgsql as 'begin return new; end';
      create trigger any_row before insert or update on orders for each row execute function noop();
      create trigger on_note after update of note on orders for each row execute function noop();
      create trigger on_customer after update of customer_id on orders for each row execute function noop();
      create trigger whole after delete on orders for each statement execute function noop();
      create trigger switched_off after delete on orders for each row execute function noop();
      alter table orders disable trigger switched_off;
      create trigger on_replicas after delete on orders for each row execute function noop();
      alter table orders enable replica trigger on_replicas;
      create trigger everywhere after delete on orders for each row execute function noop();
      alter table orders enable always trigger everywhere;`);
    const handle = await start(world);
    const plan = await world.untilGate(handle);
    const fired = plan.lines.map(({ table, operation, triggers }) => [table, operation, triggers ?? []]);
    expect(fired).toEqual([
      ['orders', 'insert', ['any_row']],
      ['customers', 'update', []],
      ['orders', 'update', ['any_row', 'on_note']],
      ['orders', 'delete', ['everywhere', 'whole']],
    ]);
    const details = await detailsOf(world, handle);
    expect(details).toContain('fires triggers');
    expect(details).toMatch(/\| orders\s+\| delete\s+\| 1\s+\| needed\s+\| everywhere, whole \|/);
    expect((await reportOf(world, handle)).plan).toEqual(plan.lines);
    await handle.signal('reject', { approver: 'ada', reason: 'no' });
    await handle.result();
  });
});

describe('four eyes', () => {
  let world: InProcess;

  beforeAll(async () => {
    world = await worldWith('four-eyes', 'fourEyes: true');
  });
  afterAll(() => world.stop());
  beforeEach(() => world.reset());

  it('refuse the approval of whoever requested the run, in the ledger too, and take that of another', async () => {
    const handle = await start(world, { requestedBy: 'Ada ' });
    const { digest } = await world.untilGate(handle);
    const refusal = 'approve: fourEyes: Ada requested this run and cannot approve it';
    const own = { decision: 'approve', approver: ' aDA', planDigest: digest };
    expect(await refusalOf(world.decide(handle, own))).toBe(refusal);
    await world.decide(handle, { ...own, approver: 'bo' });
    expect(await handle.result()).toMatchObject({ status: 'applied' });
    expect(await world.decisions(handle.workflowId)).toMatchObject([
      { approver: 'aDA', accepted: 'f', refusal },
      { approver: 'bo', accepted: 't', refusal: null },
    ]);
  });

  it('let whoever requested the run reject it', async () => {
    const handle = await start(world, { requestedBy: 'ada' });
    await world.untilGate(handle);
    await handle.signal('reject', { approver: 'ada', reason: 'a mistake' });
    expect(await handle.result()).toMatchObject({ status: 'rejected' });
  });

  it('ask who requests a run that applies, before it begins', async () => {
    const before = await world.contents();
    for (const requestedBy of [undefined, '  ']) {
      const handle = await start(world, requestedBy === undefined ? {} : { requestedBy });
      await expect(handle.result()).rejects.toMatchObject({
        cause: {
          cause: { type: 'INPUT_INVALID', message: expect.stringMatching(/^requestedBy is missing: /) as string },
        },
      });
      expect(await world.status(handle.workflowId)).toBe('failed');
    }
    expect(await world.contents()).toEqual(before);
    const dry = await start(world, { apply: false });
    expect(await dry.result()).toMatchObject({ status: 'inconsistent' });
  });
});
