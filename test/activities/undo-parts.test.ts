import { CorrectionRun, type Entry } from '../support/correction-run';

describe('undoing a part of a run', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await CorrectionRun.create('undo_parts');
  });
  afterAll(() => run.drop());

  const named = (entries: readonly Entry[]) =>
    entries.map(({ operation, table, key, error, status }) => `${operation} ${table} ${key}: ${error ?? status}`);
  const ALL = ['customers', 'orders', 'lines', 'notes'];

  /** Customers 10 and 11 are deleted, with their orders, lines, and what notes say of them; note 5 is deleted by itself. */
  async function deleted(): Promise<{ readonly runId: string; readonly before: string }> {
    const AUTO = 'corrections: { missing: auto, mismatched: auto, extra: auto }';
    await run.reset(
      `[{ name: customers, source: public.customers, ${AUTO} }, { name: notes, source: public.notes, ${AUTO} }]`,
    );
    await run.both(`create table customers (id int primary key);
      create table notes (id int primary key, customer int references customers on delete set null);
      insert into customers values (1); insert into notes values (1, 1)`);
    await run.target.query(`insert into customers values (10), (11);
      create table orders (id int primary key, customer int references customers on delete cascade);
      create table lines (id int primary key, order_id int references orders on delete cascade);
      insert into orders values (100, 10), (101, 10), (110, 11); insert into lines values (1, 100), (2, 110), (3, 101);
      insert into notes values (2, 10), (3, 11), (5, null)`);
    // Notes 2 and 3 are in the source too, without a customer that it has not.
    await run.source.query('insert into notes values (2, null), (3, null)');
    const before = await run.contents(...ALL);
    const { runId, entries } = await run.correct('deleted');
    expect([...new Set(entries.map(({ error, status }) => error ?? status))]).toEqual(['SUCCESS']);
    expect(await run.rows('customers')).toEqual([{ id: '1' }]);
    return { runId, before };
  }
  const seqOf = async (runId: string, table: string, key: string) => {
    const item = (await run.plan(runId)).find((of) => of.table === table && of.key['id'] === key);
    return item?.seq ?? '';
  };
  const ids = async (table: string) => (await run.rows(table)).map(({ id }) => id).join();

  it('brings back with a delete what it took along, and no more', async () => {
    const { runId, before } = await deleted();
    const entries = await run.undo(runId, { corrections: [await seqOf(runId, 'customers', '10')] });
    expect(named(entries).sort()).toEqual([
      'insert customers 10: SUCCESS',
      'insert public.lines 1: SUCCESS',
      'insert public.lines 3: SUCCESS',
      'insert public.orders 100: SUCCESS',
      'insert public.orders 101: SUCCESS',
    ]);
    expect([await ids('customers'), await ids('orders'), await ids('lines')]).toEqual(['1,10', '100,101', '1,3']);
    // The rest later: all of it is as it was.
    await run.undo(runId);
    expect(await run.contents(...ALL)).toBe(before);
  });

  it('brings back with a table’s deletes what they took along in others, and leaves what these were given by themselves', async () => {
    const { runId, before } = await deleted();
    await run.undo(runId, { tables: ['customers'] });
    expect([await ids('customers'), await ids('orders'), await ids('lines')]).toEqual([
      '1,10,11',
      '100,101,110',
      '1,2,3',
    ]);
    expect(await ids('notes')).toBe('1,2,3');
    await run.undo(runId, { tables: ['notes'] });
    expect(await run.contents(...ALL)).toBe(before);
  });

  it('gives back a reference that a delete set to NULL', async () => {
    await run.reset('[{ name: customers, source: public.customers }]');
    await run.both('create table customers (id int primary key)');
    await run.target.query(`insert into customers values (10), (11);
      create table notes (id int primary key, customer int references customers on delete set null);
      insert into notes values (1, 10), (2, 11)`);
    const { runId } = await run.correct('nulled');
    expect((await run.rows('notes')).map(({ customer }) => customer)).toEqual([null, null]);
    await run.undo(runId, { corrections: [await seqOf(runId, 'customers', '11')] });
    expect((await run.rows('notes')).map(({ customer }) => customer)).toEqual([null, '11']);
  });

  it('refuses what a delete took along where that itself stays deleted, with the reason', async () => {
    const { runId } = await deleted();
    const entries = await run.undo(runId, { tables: ['public.orders'] });
    for (const { status, error } of entries) {
      expect(status).toBe('FAILED');
      expect(error).toMatch(/violates foreign key constraint "orders_customer_fkey"/);
    }
    expect(entries).toHaveLength(3);
    expect(await ids('orders')).toBe('');
  });

  it('refuses to take an insert back that rows refer to by now, and names them', async () => {
    await run.reset('[{ name: customers, source: public.customers, corrections: { missing: auto } }]');
    await run.both('create table customers (id int primary key)');
    await run.source.query('insert into customers values (1), (2)');
    const { runId } = await run.correct('inserted');
    await run.target
      .query(`create table orders (id int primary key, customer int references customers on delete cascade);
      insert into orders select 70 + i, 2 from generate_series(1, 7) as i`);
    const entries = await run.undo(runId);
    expect(named(entries)).toEqual([
      'delete customers 2: deleting it would delete 7 row(s) of public.orders that are not in the plan ' +
        '(orders_customer_fkey): 71; 72; 73; 74; 75 and 2 more',
      'delete customers 1: SUCCESS',
    ]);
    expect(await ids('orders')).toBe('71,72,73,74,75,76,77');
  });

  it('refuses to take a row back again without those that came back with it, and names them', async () => {
    const { runId } = await deleted();
    const first = await run.planUndo(runId, { corrections: [await seqOf(runId, 'customers', '10')] });
    await run.apply(first.runId, first.plan.digest);
    const restored = await run.contents(...ALL);
    const second = await run.planUndo(first.runId, { corrections: [await seqOf(first.runId, 'customers', '10')] });
    const entries = await run.apply(second.runId, second.plan.digest);
    const reason =
      /would delete 2 row\(s\) of public.orders that are not in the plan \(orders_customer_fkey\): (100; 101|101; 100)$/;
    expect(named(entries)).toEqual([expect.stringMatching(reason)]);
    expect(await run.contents(...ALL)).toBe(restored);
    expect(await run.images(second.runId)).toEqual([]);
    // All of it can be taken back.
    expect(new Set((await run.undo(first.runId)).map(({ error, status }) => error ?? status))).toEqual(
      new Set(['SUCCESS']),
    );
    expect([await ids('customers'), await ids('orders'), await ids('lines')]).toEqual(['1', '', '']);
  });

  it('asks before it overwrites what somebody has changed since, whatever the policy of undos', async () => {
    const policy = { missing: 'auto', mismatched: 'auto', extra: 'auto' };
    await run.reset(`[{ name: t, source: public.t, corrections: ${JSON.stringify(policy)} }]`, ', undo: auto');
    await run.both('create table t (id int primary key, v text)');
    await run.source.query(`insert into t values (1, 'new'), (2, 'new'), (3, 'new')`);
    await run.target.query(`insert into t values (1, 'old'), (2, 'old'), (4, 'old')`);
    const { runId } = await run.correct('changed');
    expect((await run.planUndo(runId)).plan).toMatchObject({ total: 4, needsApproval: false });
    await run.target.query(`update t set v = 'mine' where id = 2; insert into t values (4, 'mine')`);
    expect((await run.planUndo(runId)).plan).toMatchObject({ total: 2, refused: 2, needsApproval: false });
    const forced = await run.planUndo(runId, { force: true });
    expect(forced.plan).toMatchObject({ total: 4, needsApproval: true });
    const asked = (await run.plan(forced.runId)).filter(({ needsApproval }) => needsApproval);
    expect(asked.map(({ operation, key, forced }) => `${operation} ${key['id']} ${String(forced)}`).sort()).toEqual([
      'update 2 true',
      'update 4 true',
    ]);
  });

  describe('by force, where others changed what the run had not corrected', () => {
    const TABLE = `create table "T t" (id int primary key, v text, "W w" text, n numeric(6,2), seen int, g text generated always as ("W w" || '!') stored)`;
    const rows = () => run.target.query('select * from "T t" order by id');

    async function corrected() {
      await run.reset(
        `[{ name: t, source: 'public."T t"', exclude: [seen], corrections: { missing: auto, mismatched: auto, extra: auto } }]`,
      );
      await run.both(TABLE);
      const into = 'insert into "T t" (id, v, "W w", n, seen) values';
      await run.source.query(
        `${into} (1, 'new', 'w', 1, 1), (2, 'new', 'w', 1, 1), (3, 'new', 'w', null, 1), (4, 'new', 'w', 1, 1), (5, 'new', 'w', 1, 1)`,
      );
      await run.target.query(
        `${into} (1, 'old', 'w', 1, 7), (2, 'old', 'w', 1, 7), (3, 'old', 'w', null, 7), (4, 'old', 'w', 1, 7), (5, 'old', 'w', 1, 7)`,
      );
      const before = await rows();
      const { runId, entries } = await run.correct('not-corrected');
      expect(entries.map(({ status }) => status)).toEqual(Array<string>(5).fill('SUCCESS'));
      return { runId, before };
    }

    it('every row is as it was before the run, in every column; and what the others wrote can be had back', async () => {
      const { runId, before } = await corrected();
      // A column that is compared and was equal; this one and the corrected one; a NULL; one that is not compared; none.
      await run.target
        .query(`update "T t" set "W w" = 'mine' where id = 1; update "T t" set "W w" = 'mine', v = 'mine' where id = 2;
        update "T t" set n = 5.25, "W w" = null where id = 3; update "T t" set seen = 99 where id = 4`);
      const theirs = await rows();
      const left = await run.undo(runId);
      expect(left.map(({ key, status }) => `${key} ${status}`).sort()).toEqual([
        '1 SKIPPED_STALE',
        '2 SKIPPED_STALE',
        '3 SKIPPED_STALE',
        '4 SKIPPED_STALE',
        '5 SUCCESS',
      ]);
      expect(await rows()).toEqual([...theirs.slice(0, 4), before[4]]);
      const { runId: forced, plan } = await run.planUndo(runId, { force: true });
      expect(plan).toMatchObject({ total: 4, needsApproval: true });
      expect((await run.apply(forced, plan.digest)).map(({ status }) => status)).toEqual(
        Array<string>(4).fill('SUCCESS'),
      );
      expect(await rows()).toEqual(before);
      // Undoing that gives the others their values back.
      await run.undo(forced);
      expect(await rows()).toEqual([...theirs.slice(0, 4), before[4]]);
    });

    it('a row that the others deleted is back whole, and one that the others made anew is gone', async () => {
      const { runId, before } = await corrected();
      await run.target.query(`delete from "T t" where id = 2; delete from "T t" where id = 3;
        insert into "T t" (id, v, "W w", n, seen) values (3, 'again', 'mine', 3, 3)`);
      const { runId: forced, plan } = await run.planUndo(runId, { force: true });
      expect((await run.apply(forced, plan.digest)).map(({ status }) => status)).toEqual(
        Array<string>(5).fill('SUCCESS'),
      );
      expect(await rows()).toEqual(before);
    });
  });
});
