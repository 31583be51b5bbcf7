import { planEffects } from '../../activities/plan-effects';
import { insertPlan } from '../../ledger/plan';
import { CorrectionRun } from '../support/correction-run';

const ALL_AUTO = 'corrections: { missing: auto, mismatched: auto, extra: auto }';

describe('what the database would do by itself when a row is deleted', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await CorrectionRun.create('effects');
  });
  afterAll(() => run.drop());

  /** Customers are compared; what refers to them is in the target only. Customers 10 and 11 are extra. */
  async function shop(orders: string, items = ''): Promise<void> {
    await run.reset('[{ name: customers, source: public.customers }]');
    await run.both('create table customers (id int primary key, name text); insert into customers values (1, $$a$$)');
    await run.target.query(`insert into customers values (10, 'extra'), (11, 'extra'); ${orders}; ${items}`);
  }
  const statuses = (entries: readonly { status: string }[]) => entries.map(({ status }) => status);
  const CASCADE = `create table orders (id int primary key, customer_id int references customers on delete cascade, note text);
    insert into orders values (1, 1, 'kept'), (100, 10, 'x'), (101, 10, 'y')`;
  const LINES = `create table lines (no text primary key, order_id int references orders on delete cascade);
    insert into lines values ('keep', 1), ('a', 100), ('b', 100), ('c', 101);
    create table tags (id int primary key, line text references lines on delete set null, label text);
    insert into tags values (1, 'a', 'l'), (2, 'keep', 'l'), (3, null, 'l')`;

  it('is planned over any number of references, in tables that nobody compares, and carried out with its cause', async () => {
    await shop(CASCADE, LINES);
    const before = await run.contents('customers', 'orders', 'lines', 'tags');
    const { runId, plan, planned, entries } = await run.correct('deep');
    expect(planned).toEqual([
      'update public.tags 1 with delete customers 10',
      'delete public.lines a with delete customers 10',
      'delete public.lines b with delete customers 10',
      'delete public.lines c with delete customers 10',
      'delete public.orders 100 with delete customers 10',
      'delete public.orders 101 with delete customers 10',
      'delete customers 10',
      'delete customers 11',
    ]);
    expect(plan.total).toBe(8);
    expect(plan.lines.map(({ table, operation, rows, effectOf }) => [table, operation, rows, effectOf])).toEqual([
      ['public.lines', 'delete', 3, 'customers'],
      ['public.orders', 'delete', 2, 'customers'],
      ['public.tags', 'update', 1, 'customers'],
      ['customers', 'delete', 2, undefined],
    ]);
    expect(plan.lines.every(({ needsApproval }) => needsApproval)).toBe(true);
    expect(statuses(entries)).toEqual(Array.from({ length: 8 }, () => 'SUCCESS'));
    expect((await run.rows('lines')).map(({ no }) => no)).toEqual(['keep']);
    expect(await run.rows('tags')).toEqual([
      { id: '1', line: null, label: 'l' },
      { id: '2', line: 'keep', label: 'l' },
      { id: '3', line: null, label: 'l' },
    ]);
    expect((await run.rows('orders')).map(({ id }) => id)).toEqual(['1']);
    // Each row that was touched has its backup, whole.
    const images = await run.images(runId);
    expect(images).toHaveLength(8);
    expect(JSON.parse(images[0]?.['before_row'] ?? '')).toEqual({ id: '1', line: 'a', label: 'l' });
    expect(JSON.parse(images[0]?.['after_row'] ?? '')).toEqual({ id: '1', line: null, label: 'l' });
    expect(JSON.parse(images[4]?.['before_row'] ?? '')).toEqual({ id: '100', customer_id: '10', note: 'x' });
    for (const [table, checked] of [
      ['public.orders', 2],
      ['public.tags', 1],
      ['customers', 2],
    ] as const) {
      expect(await run.verify(runId, table)).toEqual({ checked, differing: 0 });
    }
    const undone = await run.undo(runId);
    expect(statuses(undone)).toEqual(Array.from({ length: 8 }, () => 'SUCCESS'));
    expect(await run.contents('customers', 'orders', 'lines', 'tags')).toBe(before);
  });

  it.each([
    [
      'a child that appeared',
      `insert into orders values (102, 10, 'new')`,
      'FAILED',
      /1 row\(s\) of public.orders that are not in the plan/,
    ],
    [
      'a grandchild that appeared',
      `insert into lines values ('new', 100)`,
      'FAILED',
      /1 row\(s\) of public.lines that are not in the plan/,
    ],
    [
      'a child that was changed',
      `update orders set note = 'changed' where id = 101`,
      'SKIPPED_STALE',
      /a row of public.orders .* was changed/,
    ],
    [
      'a row to be set to NULL that was changed',
      `update tags set label = 'n' where id = 1`,
      'SKIPPED_STALE',
      /a row of public.tags .* was changed/,
    ],
    ['a child that is gone', `delete from orders where id = 101`, 'SKIPPED_STALE', /is gone/],
    [
      'a child that is another one’s by now',
      `update orders set customer_id = 1 where id = 101`,
      'SKIPPED_STALE',
      /was changed/,
    ],
  ])('%s since the plan: nothing of that delete is done', async (_name, change, status, reason) => {
    await shop(CASCADE, LINES);
    let before = '';
    const { runId, entries } = await run.correct('stale', async () => {
      await run.target.query(change);
      before = await run.contents('orders', 'lines', 'tags');
    });
    const failed = entries.filter((entry) => entry.status !== 'SUCCESS');
    expect(failed).toHaveLength(7);
    expect(failed.every((entry) => entry.status === status && reason.test(entry.error ?? ''))).toBe(true);
    expect(await run.contents('orders', 'lines', 'tags')).toBe(before);
    expect((await run.rows('customers')).map(({ id }) => id)).toEqual(['1', '10']);
    expect(await run.images(runId)).toHaveLength(1);
  });

  it('goes no further than its cause: where the source has the row by now, its children stay', async () => {
    await shop(CASCADE, LINES);
    const before = await run.contents('orders', 'lines', 'tags');
    const { entries } = await run.correct('cause', () =>
      run.source.query(`insert into customers values (10, 'extra')`),
    );
    expect(entries.filter(({ status }) => status === 'SKIPPED_STALE')).toHaveLength(7);
    expect(await run.contents('orders', 'lines', 'tags')).toBe(before);
  });

  it('is one item where a child is extra itself, and needs approval where its own table asks for it', async () => {
    await run.reset(`[{ name: customers, source: public.customers, ${ALL_AUTO} }, { name: orders, source: public.orders, where: "note <> 'hidden'",
      corrections: { missing: auto, mismatched: auto, extra: review } }]`);
    await run.both(`create table customers (id int primary key); create table orders (id int primary key, customer_id int, note text);
      insert into customers values (1), (2); insert into orders values (1, 1, 'same'), (2, 2, 'moved')`);
    await run.target.query(`alter table orders add foreign key (customer_id) references customers on delete cascade;
      insert into customers values (10), (11); insert into orders values (100, 10, 'extra'), (101, 10, 'hidden');
      update orders set customer_id = 11 where id = 2`);
    const { plan, planned, entries, runId } = await run.correct('own');
    // Order 2 refers to customer 2 again before customer 11 is deleted.
    expect(planned).toEqual([
      'update orders 2',
      'delete orders 100 with delete customers 10',
      'delete public.orders 101 with delete customers 10',
      'delete customers 10',
      'delete customers 11',
    ]);
    expect(
      plan.lines
        .filter(({ operation }) => operation === 'delete')
        .map(({ needsApproval, rows }) => [needsApproval, rows]),
    ).toEqual(
      expect.arrayContaining([
        [true, 1],
        [false, 1],
      ]),
    );
    expect(entries.map(({ status, error }) => error ?? status)).toEqual(Array.from({ length: 5 }, () => 'SUCCESS'));
    expect(await run.rows('orders')).toEqual(await run.source.query('select * from orders order by 1'));
    expect(await run.verify(runId, 'orders')).toEqual({ checked: 2, differing: 0 });
  });

  it('with SET DEFAULT gives the children their default, and undo what they had', async () => {
    await shop(`create table orders (id int primary key, customer_id int default 1 references customers on delete set default);
      insert into orders values (1, 1), (100, 10), (101, 10)`);
    const before = await run.contents('customers', 'orders');
    const { runId, entries } = await run.correct('default');
    expect(statuses(entries)).toEqual(['SUCCESS', 'SUCCESS', 'SUCCESS', 'SUCCESS']);
    expect((await run.rows('orders')).map((row) => row['customer_id'])).toEqual(['1', '1', '1']);
    expect(statuses(await run.undo(runId))).toEqual(['SUCCESS', 'SUCCESS', 'SUCCESS', 'SUCCESS']);
    expect(await run.contents('customers', 'orders')).toBe(before);
  });

  it('with SET NULL of some columns only changes those', async () => {
    await run.reset('[{ name: customers, source: public.customers }]');
    await run.both(
      'create table customers (tenant int, id int, primary key (tenant, id)); insert into customers values (1, 1)',
    );
    await run.target.query(`insert into customers values (1, 10);
      create table orders (id int primary key, tenant int not null, customer_id int,
        foreign key (tenant, customer_id) references customers on delete set null (customer_id));
      insert into orders values (1, 1, 1), (2, 1, 10)`);
    const { entries } = await run.correct('columns');
    expect(statuses(entries)).toEqual(['SUCCESS', 'SUCCESS']);
    expect(await run.rows('orders')).toEqual([
      { id: '1', tenant: '1', customer_id: '1' },
      { id: '2', tenant: '1', customer_id: null },
    ]);
  });

  it('is found by the operator of the foreign key, whatever the search path', async () => {
    await run.reset('[{ name: customers, source: public.customers, key: [id] }]');
    await run.both(`create extension citext schema public;
      create table customers (id int primary key, code citext unique); insert into customers values (1, 'a')`);
    await run.target.query(`insert into customers values (10, 'X');
      create table orders (id int primary key, code citext references customers (code) on delete cascade); insert into orders values (1, 'x')`);
    const { entries, planned } = await run.correct('citext');
    expect(planned).toEqual(['delete public.orders 1 with delete customers 10', 'delete customers 10']);
    expect(statuses(entries)).toEqual(['SUCCESS', 'SUCCESS']);
  });

  it.each([
    [
      'a table without a key',
      `create table orders (customer_id int references customers on delete cascade); insert into orders values (10)`,
      /it has no key/,
    ],
    [
      'a table with inheritors',
      `create table orders (id int primary key, customer_id int references customers on delete cascade);
       create table child () inherits (orders); insert into orders values (1, 10)`,
      /it has no key/,
    ],
    [
      'a key that would change',
      `create table orders (customer_id int primary key default 1 references customers on delete set default); insert into orders values (10)`,
      /it would change their key/,
    ],
  ])('refuses the delete where rows of %s would go', async (_name, orders, reason) => {
    await shop(orders);
    const before = await run.contents('orders');
    const { entries, planned } = await run.correct('no-key');
    expect(planned).toEqual(['delete customers 10', 'delete customers 11']);
    expect(statuses(entries)).toEqual(['FAILED', 'SUCCESS']);
    expect(entries[0]?.error).toMatch(reason);
    expect(await run.contents('orders')).toBe(before);
  });

  it('plans none for a table that was not compared to its end: the delete is refused', async () => {
    await run.reset('[customers, orders]');
    await run.both(
      `create table customers (id int primary key); create table orders (id int primary key, customer_id int references customers on delete cascade)`,
    );
    await run.target.query('insert into customers values (10); insert into orders values (1, 10)');
    const runId = await run.compare('torn', ['orders']);
    const { digest } = await run.freeze(runId);
    expect(await run.planned(runId)).toEqual(['delete customers 10']);
    expect(statuses(await run.apply(runId, digest))).toEqual(['FAILED']);
    expect(await run.rows('orders')).toEqual([{ id: '1', customer_id: '10' }]);
  });

  it('is carried out also where rows refer to each other in a ring, and to two rows that go', async () => {
    await shop(`create table a (id int primary key, b_id int, customer_id int references customers on delete cascade, other int references customers on delete set null);
      create table b (id int primary key, a_id int references a on delete cascade);
      alter table a add foreign key (b_id) references b on delete cascade;
      insert into a values (1, null, 10, 11); insert into b values (1, 1), (2, 1); update a set b_id = 1`);
    const { entries } = await run.correct('ring');
    expect(statuses(entries)).toEqual(Array.from({ length: 5 }, () => 'SUCCESS'));
    expect([...(await run.rows('a')), ...(await run.rows('b'))]).toEqual([]);
  });

  it('is carried out in portions, for more deletes and children than fit in one', async () => {
    await shop(`create table orders (id int primary key, customer_id int references customers on delete cascade);
      insert into customers select i, 'extra' from generate_series(1000, 1700) as i;
      insert into orders select i, 1000 + i % 701 from generate_series(1, 2500) as i`);
    const before = await run.contents('customers', 'orders');
    const { runId, entries, plan } = await run.correct('many');
    expect(plan.total).toBe(703 + 2500);
    expect(entries.filter(({ status }) => status === 'SUCCESS')).toHaveLength(703 + 2500);
    expect(await run.rows('orders')).toEqual([]);
    expect((await run.undo(runId)).every(({ status }) => status === 'SUCCESS')).toBe(true);
    expect(await run.contents('customers', 'orders')).toBe(before);
  });

  it('is not planned without end', async () => {
    await shop(CASCADE);
    const runId = await run.compare('limit');
    const ledger = await run.resources.ledger();
    const context = { signal: new AbortController().signal, report: () => undefined };
    await insertPlan(ledger, runId);
    await expect(planEffects(run.resources, ledger, runId, context, { most: 1 })).rejects.toMatchObject({
      code: 'EFFECTS_TOO_MANY',
      message: expect.stringContaining('more than 1 others') as unknown,
    });
  });

  it('is frozen with the plan: freezing again gives the same, whatever changed meanwhile', async () => {
    await shop(CASCADE);
    const runId = await run.compare('frozen');
    const plan = await run.freeze(runId);
    await run.target.query('insert into orders values (102, 10)');
    expect(await run.freeze(runId)).toEqual(plan);
    expect(await run.plan(runId)).toHaveLength(plan.total);
  });

  it('a child that a trigger keeps fails its cause, and nothing is lost', async () => {
    await shop(
      CASCADE,
      `create function keep() returns trigger language plpgsql as 'begin return null; end';
      create trigger keep before delete on orders for each row when (old.id = 101) execute function keep()`,
    );
    const { entries } = await run.correct('kept');
    expect(entries.map(({ status, error }) => error ?? status)).toEqual([
      ...Array.from(
        { length: 3 },
        () => expect.stringContaining('a trigger, a rule or row security stands in the way') as unknown,
      ),
      'SUCCESS',
    ]);
    expect((await run.rows('orders')).map(({ id }) => id)).toEqual(['1', '100', '101']);
  });
});
