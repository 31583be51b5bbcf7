import { WorkflowFailedError, WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { rootMessage, typedFailure } from '../../client/temporal/failure';
import type { PlanAnswer, ReconcileResult, UndoInput } from '../../contracts/messages';
import type { PlanSummary } from '../../contracts/run';
import { InProcess } from '../support/in-process';
import { withTimeSkipping } from '../support/worlds';

let time: TestWorkflowEnvironment;
let world: InProcess;
let count = 0;

withTimeSkipping({ taskQueue: 'undo' }, (started) => ({ time, world } = started));

type Contents = Awaited<ReturnType<InProcess['contents']>>;
type UndoHandle = WorkflowHandle<(input: UndoInput) => Promise<ReconcileResult>>;

/** An applied run on fresh tables; what they held before it and after it. */
async function applied(damage = '') {
  await world.reset();
  if (damage !== '') await world.target.query(damage);
  const before = await world.contents();
  const handle = await world.startReconcile({ apply: true, requestedBy: 'linus' }, `undo-run-${(count += 1)}`);
  const { digest } = await world.untilGate(handle);
  // Some of the damage is more than half of a table.
  await world.decide(handle, { decision: 'approve', approver: 'ada', planDigest: digest, override: true });
  const { runId, status } = await handle.result();
  expect(status).toBe('applied');
  return { runId, before, after: await world.contents() };
}

const start = (input: UndoInput): Promise<UndoHandle> => world.startUndo(input, `undo-${(count += 1)}`);

/** Undoes, with an approval where one is asked for; returns the undo's ID and its plan. */
async function undo(input: UndoInput): Promise<{ readonly runId: string; readonly plan: PlanSummary | null }> {
  const workflowId = `undo-${(count += 1)}`;
  const { runId, status } = await world.undo(input, workflowId);
  expect(status).toBe('applied');
  return { runId, plan: (await world.client.workflow.getHandle(workflowId).query<PlanAnswer>('plan')).plan };
}

async function failureOf(input: UndoInput) {
  const error: unknown = await (await start(input)).result().then(
    () => new Error('it went through'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof WorkflowFailedError)) throw error as Error;
  return { code: typedFailure(error)?.code, message: rootMessage(error) };
}

const entries = (runId: string) =>
  world.target.query(
    `select seq, table_name, operation, status, approver, forced, error from trueup.correction_log
      where run_id = $1 order by table_name, seq`,
    [runId],
  );
const resolutions = async (runId: string) =>
  (
    await world.target.query(
      `select table_name || ' ' || resolution as r from trueup.reconciliation_log where run_id = $1 order by 1`,
      [runId],
    )
  ).map(({ r }) => r);
const of = (contents: Contents, table: string) => contents.filter(({ name }) => name === table);

describe('undo', () => {
  it('gives back one table, then the rest; what is undone already is left out', async () => {
    const { runId, before, after } = await applied();
    const first = await undo({ runId, tables: ['orders'] });
    expect(first.plan).toMatchObject({ total: 4, refused: 0 });
    expect(of(await world.contents(), 'orders')).toEqual(of(before, 'orders'));
    expect(of(await world.contents(), 'customers')).toEqual(of(after, 'customers'));
    expect(await resolutions(runId)).toEqual([
      'customers APPROVED_CORRECTED',
      ...Array<string>(4).fill('orders UNDONE'),
    ]);
    const rest = await undo({ runId });
    expect(rest.plan).toMatchObject({ total: 1, lines: [{ table: 'customers', operation: 'update', rows: 1 }] });
    expect(await world.contents()).toEqual(before);
    expect(await resolutions(runId)).toEqual(['customers UNDONE', ...Array<string>(4).fill('orders UNDONE')]);
    expect(await failureOf({ runId })).toMatchObject({ code: 'RUN_NOT_UNDOABLE' });
  });

  it('gives back single corrections by their numbers', async () => {
    const { runId, before, after } = await applied();
    const made = await entries(runId);
    const insert = made.find(({ operation }) => operation === 'insert')?.['seq'] ?? '';
    await undo({ runId, corrections: [insert] });
    const now = await world.contents();
    const gone = after.filter((row) => !now.some((other) => other['row'] === row['row']));
    expect(gone).toHaveLength(1);
    expect(now).toHaveLength(after.length - 1);
    await undo({ runId });
    expect(await world.contents()).toEqual(before);
    expect(await failureOf({ runId, corrections: ['77', insert] })).toEqual({
      code: 'RUN_NOT_UNDOABLE',
      message: `run ${runId} has made no correction with the number 77`,
    });
    expect(await failureOf({ runId, tables: ['orders', 'parcels'] })).toEqual({
      code: 'TABLE_UNKNOWN',
      message: `run ${runId} corrected customers, orders; asked for parcels`,
    });
  });

  it('can be undone itself, in whole or in part, as often as one likes', async () => {
    const { runId, before, after } = await applied();
    const first = await undo({ runId });
    expect(await world.contents()).toEqual(before);
    const second = await undo({ runId: first.runId });
    expect(await world.contents()).toEqual(after);
    expect(new Set(await resolutions(runId))).toEqual(
      new Set(['customers APPROVED_CORRECTED', 'orders APPROVED_CORRECTED', 'orders AUTO_CORRECTED']),
    );
    const third = await undo({ runId: second.runId, tables: ['orders'] });
    expect(of(await world.contents(), 'orders')).toEqual(of(before, 'orders'));
    expect(of(await world.contents(), 'customers')).toEqual(of(after, 'customers'));
    // The orders are undone by way of the third, so only the customer is left to the run itself.
    expect((await undo({ runId })).plan).toMatchObject({ total: 1, lines: [{ table: 'customers' }] });
    expect(await world.contents()).toEqual(before);
    expect(await failureOf({ runId })).toMatchObject({ code: 'RUN_NOT_UNDOABLE' });
    await undo({ runId: third.runId });
    expect(of(await world.contents(), 'orders')).toEqual(of(after, 'orders'));
    expect((await undo({ runId })).plan).toMatchObject({ total: 4 });
    expect(await world.contents()).toEqual(before);
  });

  it('leaves alone what was changed since, and says what differs; force overwrites it, and can be taken back', async () => {
    const { runId, before } = await applied();
    await world.target.query(`
      update orders set note = 'edited' where id in (7, 30); delete from orders where id = 8;
      insert into orders values (900, 2, 'new'); update customers set name = 'edited' where id = 5`);
    const edited = await world.contents();
    const refused = await undo({ runId });
    expect(refused.plan).toMatchObject({ total: 0, refused: 4, needsApproval: false });
    expect(await world.contents()).toEqual(edited);
    const said = await entries(refused.runId);
    // Order 8 was deleted, as the undo of its insert would have done: there is nothing to give back.
    expect(said.map(({ table_name: table, status, forced }) => [table, status, forced])).toEqual([
      ['customers', 'SKIPPED_STALE', 'f'],
      ...Array<string[]>(3).fill(['orders', 'SKIPPED_STALE', 'f']),
    ]);
    const reasons = said.map(({ error }) => error).sort();
    expect(reasons).toEqual([
      'the row is there again since the correction',
      'the row was changed since the correction: name was "secret name 5", is "edited"',
      'the row was changed since the correction: note was "secret note 30", is "edited"',
      'the row was changed since the correction: note was "secret note 7", is "edited"',
    ]);

    const forced = await undo({ runId, force: true });
    expect(forced.plan).toMatchObject({ total: 4, refused: 0, needsApproval: true });
    expect(await world.contents()).toEqual(before);
    const overwritten = await entries(forced.runId);
    expect(overwritten).toHaveLength(4);
    for (const entry of overwritten) expect(entry).toMatchObject({ status: 'SUCCESS', forced: 't', approver: 'grace' });
    const [run] = await world.target.query('select undo from trueup.run where run_id = $1', [forced.runId]);
    expect(JSON.parse(run?.['undo'] ?? '{}')).toMatchObject({ force: true, tables: null, corrections: null });
    await undo({ runId: forced.runId });
    expect(await world.contents()).toEqual(edited);
  });

  it('leaves alone what is changed while its plan waits', async () => {
    const { runId, after } = await applied();
    const handle = await start({ runId });
    const { digest } = await world.untilGate(handle);
    await world.target.query(`update orders set note = 'edited' where id = 7`);
    await world.decide(handle, { decision: 'approve', approver: 'grace', planDigest: digest });
    expect(await handle.result()).toMatchObject({ status: 'applied' });
    const skipped = (await entries(handle.workflowId)).filter(({ status }) => status === 'SKIPPED_STALE');
    expect(skipped).toHaveLength(1);
    const now = of(await world.contents(), 'orders').map(({ row }) => row);
    expect(now).toContain('(7,8,edited)');
    expect(now).not.toContain(of(after, 'orders').find(({ row }) => row?.startsWith('(8,'))?.['row']);
  });

  it('gives deleted rows back with what referred to them, parents first, and a table that refers to itself likewise', async () => {
    const { runId, before, after } = await applied(
      `alter table customers add up int references customers;
       insert into customers select g, 'secret extra', nullif(g - 1, 899) from generate_series(900, 1019) g;
       insert into orders select 1000 + g, 900 + g % 120, 'secret extra' from generate_series(1, 150) g`,
    );
    expect(after.length).toBe(before.length - 271 + 2);
    const { plan } = await undo({ runId });
    const inserts = plan?.lines.filter(({ operation }) => operation === 'insert');
    expect(inserts).toMatchObject([
      { table: 'customers', rows: 120 },
      { table: 'orders', rows: 151 },
    ]);
    expect(await world.contents()).toEqual(before);
  });

  it('is refused while the run is under way, and of a run that is not there', async () => {
    await world.reset();
    const handle = await world.startReconcile({ apply: true }, `undo-run-${(count += 1)}`);
    await world.untilGate(handle);
    expect(await failureOf({ runId: handle.workflowId })).toEqual({
      code: 'RUN_NOT_UNDOABLE',
      message: `run ${handle.workflowId} has not ended: it is awaiting_approval`,
    });
    await handle.signal('reject', { approver: 'ada', reason: 'no' });
    await handle.result();
    expect(await failureOf({ runId: 'nobody' })).toMatchObject({ code: 'RUN_NOT_FOUND' });
  });
});

describe('the gate of an undo', () => {
  it('stands before anything is deleted or overwritten: a wrong digest is refused, a rejection ends it', async () => {
    const { runId, after } = await applied();
    const handle = await start({ runId, requestedBy: 'ada' });
    await handle.signal('approve', { approver: 'ada', planDigest: 'a'.repeat(64) });
    const plan = await world.untilGate(handle);
    const wrong: unknown = await world
      .decide(handle, { decision: 'approve', approver: 'ada', planDigest: 'b'.repeat(64) })
      .catch((error: unknown) => error);
    expect(wrong).toBeInstanceOf(WorkflowUpdateFailedError);
    expect(await world.status(handle.workflowId)).toBe('awaiting_approval');
    const details = (await world.metadata(handle)).currentDetails ?? '';
    expect(details).toContain(`Undo of \`${runId}\`: **awaiting approval**`);
    expect(details).toContain(`trueup approve ${handle.workflowId} --plan ${plan.digest}`);
    expect(details).toContain('## Refused');
    expect(await world.contents()).toEqual(after);
    const rejection = { decision: 'reject', approver: 'ada', planDigest: plan.digest, reason: 'not yet' };
    expect(await world.decide(handle, rejection)).toMatchObject({ decision: 'reject' });
    expect(await handle.result()).toEqual({
      runId: handle.workflowId,
      status: 'rejected',
      planDigest: plan.digest,
      remaining: plan.total,
    });
    expect(await world.contents()).toEqual(after);
    expect(await world.status(handle.workflowId)).toBe('rejected');
    expect(await entries(handle.workflowId)).toEqual([]);
    expect(await world.decisions(handle.workflowId)).toMatchObject([
      { channel: 'signal', accepted: 'f' },
      { channel: 'update', accepted: 'f' },
      { channel: 'update', decision: 'reject', approver: 'ada', accepted: 't' },
    ]);
    expect(new Set(await resolutions(runId))).not.toContain('orders UNDONE');
  });

  it('closes at its deadline, and nothing is given back', async () => {
    const { runId, after } = await applied();
    const handle = await start({ runId, approvalTimeout: '2h' });
    await world.untilGate(handle);
    const { deadline } = await handle.query<PlanAnswer>('plan');
    const waits = Date.parse(deadline ?? '') - (await handle.describe()).startTime.getTime();
    expect(Math.abs(waits - 2 * 3_600_000)).toBeLessThan(60_000);
    expect(await handle.result()).toMatchObject({ status: 'expired' });
    expect(await world.contents()).toEqual(after);
    expect(await world.status(handle.workflowId)).toBe('expired');
  });

  it('does not stand before what only adds rows', async () => {
    const { runId, before, after } = await applied();
    const made = await entries(runId);
    const deleted = made.find(({ operation }) => operation === 'delete')?.['seq'] ?? '';
    const handle = await start({ runId, corrections: [deleted] });
    expect(await handle.result()).toMatchObject({ status: 'applied' });
    const now = of(await world.contents(), 'orders');
    expect(now).toHaveLength(of(after, 'orders').length + 1);
    expect(before).toEqual(expect.arrayContaining([now.find(({ row }) => row?.startsWith('(900,'))]));
  });
});

describe('where the config says otherwise', () => {
  it('an undo does not ask, or nobody approves their own', async () => {
    const options = { client: time.client, connection: time.nativeConnection };
    const first = world;
    try {
      world = await InProcess.start({ ...options, taskQueue: 'undo-auto', defaults: 'undo: auto' });
      try {
        const { runId, before } = await applied();
        expect(await (await start({ runId })).result()).toMatchObject({ status: 'applied' });
        expect(await world.contents()).toEqual(before);
      } finally {
        await world.stop();
      }
      world = await InProcess.start({ ...options, taskQueue: 'undo-four-eyes', defaults: 'fourEyes: true' });
      try {
        const { runId, before } = await applied();
        expect(await failureOf({ runId })).toMatchObject({ code: 'INPUT_INVALID' });
        const handle = await start({ runId, requestedBy: 'Grace' });
        const { digest } = await world.untilGate(handle);
        const own = world.decide(handle, { decision: 'approve', approver: 'grace', planDigest: digest });
        await expect(own).rejects.toBeInstanceOf(WorkflowUpdateFailedError);
        await world.decide(handle, { decision: 'approve', approver: 'ada', planDigest: digest });
        expect(await handle.result()).toMatchObject({ status: 'applied' });
        expect(await world.contents()).toEqual(before);
      } finally {
        await world.stop();
      }
    } finally {
      world = first;
    }
  });
});
