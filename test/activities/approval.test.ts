import { freezePlan, leaveOut } from '../../activities/correct';
import { breachesWithin, covers, leftOutOf, type ApprovalScope } from '../../contracts/approval';
import { attemptOf, judge } from '../../workflows/gate';
import { CorrectionRun } from '../support/correction-run';

const ALL_AUTO = 'corrections: { missing: auto, mismatched: auto, extra: auto }';

/*
 * Customers are compared, and 10 to 12 are extra; orders go with them by ON DELETE CASCADE, and are compared only where a
 * test says so.
 */
describe('an approval and what the database would do by itself', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await CorrectionRun.create('approval');
  });
  afterAll(() => run.drop());

  async function shop(tables: string, incomplete: readonly string[] = []): Promise<string> {
    await run.reset(tables);
    await run.both(`create table customers (id int primary key, name text); insert into customers values (1, 'a'), (2, 'b');
      create table orders (id int primary key, customer_id int references customers on delete cascade, note text);
      insert into orders values (1, 1, 'kept'), (2, 2, 'kept')`);
    await run.target.query(`insert into customers values (10, 'extra'), (11, 'extra'), (12, 'extra');
      update customers set name = 'changed' where id = 2;
      insert into orders values (100, 10, 'x'), (101, 10, 'y'), (102, 11, 'z')`);
    return run.compare('approval', incomplete);
  }
  const scope = (given: Partial<ApprovalScope>): ApprovalScope => ({ tables: null, operations: null, ...given });
  const shown = (entries: readonly { operation: string; table: string; key: string; status: string }[]) =>
    entries.map(({ operation, table, key, status }) => `${operation} ${table} ${key} ${status}`);

  it('of the deletes of a table is one of what goes with them, and of another part of none of it', async () => {
    for (const [given, leftOut] of [
      [{ tables: ['customers'], operations: ['delete'] }, 1],
      [{ operations: ['update'] }, 6],
      [{ tables: ['public.orders'] }, 7],
    ] as const) {
      const runId = await shop('[{ name: customers, source: public.customers }]');
      const before = await run.contents('customers', 'orders');
      const plan = await run.freeze(runId);
      expect(plan.total).toBe(7);
      expect(leftOutOf(scope(given), plan.lines)).toBe(leftOut);
      expect(await leaveOut(run.resources, { runId, scope: scope(given) })).toBe(leftOut);
      const entries = shown(await run.apply(runId, plan.digest));
      expect(entries).toHaveLength(7 - leftOut);
      expect(entries.every((entry) => entry.endsWith(' SUCCESS'))).toBe(true);
      if (leftOut === 7) expect(await run.contents('customers', 'orders')).toBe(before);
      expect((await run.rows('orders')).length).toBe(leftOut === 1 ? 2 : 5);
      expect(await run.images(runId)).toHaveLength(7 - leftOut);
    }
  });

  it('of a delete does not take along a row that has a correction of its own, which was not approved', async () => {
    const runId = await shop(
      `[{ name: customers, source: public.customers }, { name: orders, source: public.orders }]`,
    );
    const before = await run.contents('customers', 'orders');
    const plan = await run.freeze(runId);
    expect(plan.lines.map((line) => [line.table, line.operation, line.rows, line.effectOf])).toEqual([
      ['customers', 'update', 1, undefined],
      ['orders', 'delete', 3, undefined],
      ['customers', 'delete', 3, undefined],
    ]);
    const part = scope({ tables: ['customers'], operations: ['delete'] });
    expect(await leaveOut(run.resources, { runId, scope: part })).toBe(4);
    const entries = await run.apply(runId, plan.digest);
    expect(shown(entries)).toEqual([
      'delete customers 10 FAILED',
      'delete customers 11 FAILED',
      'delete customers 12 SUCCESS',
    ]);
    expect(entries[0]?.error).toMatch(/2 row\(s\) of public.orders that are not in the plan/);
    const gone = `insert into customers values (12, 'extra')`;
    await run.target.query(gone);
    expect(await run.contents('customers', 'orders')).toBe(before);
  });

  it('is needed for a delete that takes more with it than the guard of that table allows', async () => {
    const runId = await shop(
      `[{ name: customers, source: public.customers, ${ALL_AUTO} },
        { name: orders, source: public.orders, ${ALL_AUTO.replace('extra: auto', 'extra: ignore')}, guard: { rows: 2, percent: 0 } }]`,
    );
    const plan = await run.freeze(runId);
    expect(plan).toMatchObject({
      needsApproval: true,
      blocked: [{ table: 'orders', changes: 3, limit: 2 }],
    });
    const items = await run.plan(runId);
    const asked = items.filter(({ needsApproval }) => needsApproval);
    // Customer 12 has no orders, and the update is none of the guard's business.
    expect(asked.map(({ table, operation, key }) => `${operation} ${table} ${Object.values(key).join()}`)).toEqual([
      'delete orders 100',
      'delete orders 101',
      'delete orders 102',
      'delete customers 10',
      'delete customers 11',
    ]);
    expect(
      plan.lines.filter((line) => line.needsApproval).every((line) => covers(scope({ tables: ['customers'] }), line)),
    ).toBe(true);
    expect(breachesWithin(scope({ tables: ['customers'] }), plan.lines, plan.blocked ?? [])).toHaveLength(1);
    expect(breachesWithin(scope({ operations: ['update'] }), plan.lines, plan.blocked ?? [])).toEqual([]);
  });

  it('cannot be had for deletes of a table that was not compared to its end', async () => {
    const tables = `[{ name: customers, source: public.customers }, { name: orders, source: public.orders }]`;
    for (const incomplete of [['customers'], ['orders'], ['customers', 'orders']]) {
      const runId = await shop(tables, incomplete);
      const { digest, lines, blocked } = await run.freeze(runId);
      const deleted = ['orders', 'customers'].filter((table) => !incomplete.includes(table));
      expect(lines.filter(({ operation }) => operation === 'delete').map(({ table }) => table)).toEqual(deleted);
      const gate = {
        state: 'open',
        planDigest: digest,
        deadlineMs: 1,
        plan: { lines, blocked: blocked ?? [] },
      } as const;
      const approval = {
        approver: 'ada',
        planDigest: digest,
        tables: incomplete,
        operations: ['delete'],
        override: true,
      };
      expect(judge(gate, attemptOf('update', 'approve', approval), 0).accepted).toBe(false);
    }
  });

  it('guards tables that are in no config by the default, without a share of their rows', async () => {
    const runId = await shop(`[{ name: customers, source: public.customers, ${ALL_AUTO} }]`);
    await run.target.query(
      `update trueup.run set config = jsonb_set(config, '{guard}', '{"rows": 2, "percent": 100, "wipe": 100}') where run_id = $1`,
      [runId],
    );
    expect((await run.freeze(runId)).blocked).toEqual([
      { table: 'public.orders', rule: 'rows', changes: 3, rows: null, limit: 2 },
    ]);
  });

  it('names the triggers that fire on what goes with a delete', async () => {
    const runId = await shop('[{ name: customers, source: public.customers }]');
    await run.target.query(`create function noop() returns trigger language plpgsql as 'begin return old; end';
      create trigger on_orders before delete on orders for each row execute function noop();
      create trigger on_new before insert on orders for each row execute function noop()`);
    const plan = await run.freeze(runId);
    expect(plan.lines.map(({ table, triggers }) => [table, triggers])).toEqual([
      ['customers', undefined],
      ['public.orders', ['on_orders']],
      ['customers', undefined],
    ]);
  });

  it('is not asked of a plan that was frozen before there were guards', async () => {
    const runId = await shop(
      `[{ name: customers, source: public.customers, ${ALL_AUTO}, guard: { rows: 0, percent: 0 } }]`,
    );
    await run.target.query(
      `update trueup.run set config = config - 'guard' #- '{tables,0,guard}' where run_id = '${runId}'`,
    );
    const plan = await freezePlan(
      run.resources,
      { runId },
      { signal: new AbortController().signal, report: () => undefined },
    );
    expect(plan).toMatchObject({ needsApproval: false });
    expect(plan).not.toHaveProperty('blocked');
  });
});
