import { WithStartWorkflowOperation, type Client } from '@temporalio/client';
import type { GuardBreach } from '../../contracts/guard';
import type { PlanAnswer, ReconcileResult } from '../../contracts/messages';
import type { InProcess } from '../support/in-process';
import { refusalOf, withDevServer } from '../support/worlds';

let client: Client;
let world: InProcess;
let count = 0;

/** All that a guard can allow by rows and percent; what it forbids in addition is not named. */
const GUARD = 'guard: { rows: 100000, percent: 100 }';
withDevServer({ taskQueue: 'wipe', defaults: `concurrency: 2, ${GUARD}, undo: auto` }, (started) => {
  ({ client, world } = started);
});

const nextId = () => `wipe-${(count += 1)}`;
const SAME = `insert into orders select g, 1 + g % 20, 'secret note ' || g from generate_series(1, 60) g`;

beforeEach(async () => {
  await world.reset();
  await world.target.query(`truncate orders; ${SAME}; update customers set name = 'secret name 5' where id = 5`);
  await world.source.query(`truncate orders; ${SAME}`);
});

const run = async (input: object = {}) => {
  const handle = await world.startReconcile({ apply: true, tables: ['orders'], ...input }, nextId());
  return { handle, plan: await world.untilGate(handle) };
};
const orders = async () => Number((await world.target.query('select count(*) as n from orders'))[0]?.['n']);
const approval = (planDigest: string, more: object = {}) => ({
  decision: 'approve',
  approver: 'ada',
  planDigest,
  ...more,
});

async function resolve(message: object) {
  const startWorkflowOperation = new WithStartWorkflowOperation<(input: object) => Promise<ReconcileResult>>(
    'resolveReviews',
    { taskQueue: world.taskQueue, workflowId: nextId(), args: [{ wait: '1s' }], workflowIdConflictPolicy: 'FAIL' },
  );
  await client.workflow.executeUpdateWithStart('resolveReview', {
    args: [{ reviewer: 'ada', resolution: 'APPLY_SOURCE', filter: {}, ...message }],
    startWorkflowOperation,
  });
  return (await startWorkflowOperation.workflowHandle()).result();
}

describe('a plan that deletes half of a table, or under an empty source', () => {
  it.each<[string, string, readonly Partial<GuardBreach>[], string]>([
    [
      'half',
      'delete from orders where id > 30',
      [{ table: 'orders', rule: 'wipe', changes: 30, rows: 60, limit: 29 }],
      'orders: 30 of 60 rows would be deleted, the limit by wipe is 29',
    ],
    [
      'all but the one that the source has',
      'delete from orders where id > 1',
      [{ table: 'orders', rule: 'wipe', changes: 59, rows: 60, limit: 29 }],
      'orders: 59 of 60 rows would be deleted',
    ],
    [
      'all, as the source has none',
      'truncate orders',
      [
        { table: 'orders', rule: 'wipe', changes: 60, rows: 60, limit: 29 },
        { table: 'orders', rule: 'empty source', changes: 60, rows: 60, limit: 0 },
      ],
      "orders: 60 of 60 rows would be deleted, and the source's table is empty",
    ],
  ])('%s', async (_name, sql, blocked, text) => {
    await world.source.query(sql);
    const { handle, plan } = await run();
    expect(plan).toMatchObject({ needsApproval: true, blocked });
    expect((await world.metadata(handle)).currentDetails).toContain(text);
    const refused = await refusalOf(world.decide(handle, approval(plan.digest)));
    expect(refused.message).toContain('the plan is blocked and override is not given');
    expect(refused.message).toContain(text);
    expect(await orders()).toBe(60);
    await world.decide(handle, approval(plan.digest, { override: true }));
    expect(await handle.result()).toMatchObject({ status: 'applied', remaining: 0 });
    expect(await orders()).toBe(60 - plan.total);
  });

  it('one less than half is approved as any other', async () => {
    await world.source.query('delete from orders where id > 31');
    const { handle, plan } = await run();
    expect(plan).not.toHaveProperty('blocked');
    await world.decide(handle, approval(plan.digest));
    expect(await handle.result()).toMatchObject({ status: 'applied', remaining: 0 });
  });

  it('counts what goes with a delete for its own table, also where no config names that', async () => {
    await world.source.query('truncate orders');
    await world.target.query(`truncate orders; drop table if exists lines;
      alter table orders drop constraint orders_customer_id_fkey;
      create table lines (id int primary key, customer int references customers on delete cascade);
      insert into lines select g, 1 + g % 3 from generate_series(1, 30) g;
      insert into customers values (77, 'secret extra'); update lines set customer = 77 where id <= 15`);
    try {
      const { handle, plan } = await run({ tables: ['customers'] });
      expect(plan.blocked).toEqual([{ table: 'public.lines', rule: 'wipe', changes: 15, rows: 30, limit: 14 }]);
      await world.decide(handle, { decision: 'reject', approver: 'ada', planDigest: plan.digest, reason: 'no' });
      await handle.result();
    } finally {
      await world.target.query('drop table lines');
    }
  });

  it('holds for an undo: of a load, it deletes all that is there', async () => {
    await world.target.query('truncate orders');
    const load = await world.startReconcile({ apply: true, tables: ['orders'] }, nextId());
    const { runId } = await load.result();
    expect(await orders()).toBe(60);
    const undo = await world.startUndo({ runId }, nextId());
    const plan = await world.untilGate(undo);
    expect(plan).toMatchObject({
      needsApproval: true,
      blocked: [{ table: 'orders', rule: 'wipe', changes: 60, rows: 60, limit: 29 }],
    });
    expect((await world.metadata(undo)).currentDetails).toContain('Only an approval with `override` is taken.');
    const { howToApprove } = await undo.query<PlanAnswer>('plan');
    expect(howToApprove[0]).toMatch(/--override$/);
    const refused = await refusalOf(world.decide(undo, approval(plan.digest)));
    expect(refused.message).toContain('orders: 60 of 60 rows would be deleted, the limit by wipe is 29');
    await world.decide(undo, approval(plan.digest, { override: true }));
    expect(await undo.result()).toMatchObject({ status: 'applied', remaining: 0 });
    expect(await orders()).toBe(0);
  });

  it('lets an undo delete a few rows unasked, but not once the source is empty', async () => {
    await world.target.query('delete from orders where id in (7, 8)');
    const { runId } = await (await world.startReconcile({ apply: true, tables: ['orders'] }, nextId())).result();
    const first = await world.undo({ runId }, nextId());
    expect(first).toMatchObject({ status: 'applied', remaining: 0 });
    expect(await orders()).toBe(58);
    const again = await (await world.startReconcile({ apply: true, tables: ['orders'] }, nextId())).result();
    await world.source.query('truncate orders');
    const undo = await world.startUndo({ runId: again.runId }, nextId());
    const plan = await world.untilGate(undo);
    expect(plan.blocked).toEqual([{ table: 'orders', rule: 'empty source', changes: 2, rows: null, limit: 0 }]);
    await world.decide(undo, approval(plan.digest, { override: true }));
    expect(await undo.result()).toMatchObject({ status: 'applied' });
    expect(await orders()).toBe(58);
  });

  it('holds for a review', async () => {
    await world.source.query('delete from orders where id > 30');
    const handle = await world.startReconcile({ apply: true, tables: ['orders'], unapproved: 'queue' }, nextId());
    await handle.result();
    const refused = await refusalOf(resolve({}));
    expect(refused.message).toContain('allowed only with override: orders: 30 of 60 rows would be deleted');
    expect(await orders()).toBe(60);
    expect(await resolve({ override: true })).toMatchObject({ status: 'applied', remaining: 0 });
    expect(await orders()).toBe(30);
  });
});
