import { CorrectionRun } from '../support/correction-run';

/** What happens to one row by several deletes, or by several foreign keys: the plan names all of it, and undo gives it back. */
describe('a row that several foreign keys would touch', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await CorrectionRun.create('effect_columns');
  });
  afterAll(() => run.drop());

  const ALL_AUTO = 'corrections: { missing: auto, mismatched: auto, extra: auto }';

  /** Parents 8, 9 and 10 of `a` and 7 of `b` are extra; `child` is in the target only. */
  async function scene(child: string): Promise<void> {
    await run.reset('[{ name: a, source: public.a }, { name: b, source: public.b }]', `, ${ALL_AUTO}`);
    await run.both(`create table a (id int primary key, note text); create table b (id int primary key, note text);
      insert into a values (1, 'kept'); insert into b values (1, 'kept')`);
    await run.target.query(
      `insert into a values (8, 'extra'), (9, 'extra'), (10, 'extra'); insert into b values (7, 'extra'); ${child}`,
    );
  }

  /** What the database itself makes of these deletes, in a transaction that is rolled back. */
  async function byItself(deletes: string, ...tables: readonly string[]): Promise<string> {
    await run.target.query('drop schema if exists kept cascade; create schema kept');
    for (const table of tables) await run.target.query(`create table kept."${table}" as table "${table}"`);
    await run.target.query(deletes);
    const contents = await run.contents(...tables);
    for (const table of [...tables].reverse()) await run.target.query(`delete from "${table}"`);
    for (const table of tables) await run.target.query(`insert into "${table}" select * from kept."${table}"`);
    await run.target.query('drop schema kept cascade');
    return contents;
  }

  const TWO = `create table child (id int primary key, p int references a on delete set null, q int references a on delete set null);
    insert into child values (101, 1, 8), (102, 9, 8), (103, 9, 9), (104, 1, 1)`;
  const DELETE_ALL = 'delete from a where id > 1; delete from b where id > 1';

  it.each([
    ['two deletes of one table', TWO, ['a', 'b', 'child'], 'update public.child 102 with delete a 9'],
    [
      'deletes of two tables',
      `create table child (id int primary key, p int references a on delete set null, q int references b on delete set null);
       insert into child values (101, 1, 7), (102, 9, 7), (103, 8, 1)`,
      ['a', 'b', 'child'],
      'update public.child 102 with delete a 9',
    ],
    [
      'set null and set default',
      `create table child (id int primary key, p int default 1 references a on delete set default, q int references a on delete set null, "R r" int default 1 references b on delete set default);
       insert into child values (101, 8, 9, 7), (102, 9, 9, 1), (103, 10, 8, 7)`,
      ['a', 'b', 'child'],
      'update public.child 101 with delete a 8',
    ],
    [
      'one of them over a further level',
      `create table middle (id int primary key, a_id int references a on delete cascade);
       create table child (id int primary key, p int references a on delete set null, m int references middle on delete set null);
       insert into middle values (1, 1), (80, 8); insert into child values (102, 9, 80), (103, 8, 80), (104, 9, 1)`,
      ['a', 'b', 'middle', 'child'],
      'update public.child 102 with delete a 9',
    ],
    [
      'a composite key of several columns',
      `alter table b add unique (id, note);
       create table child (t int, id int, p int references a on delete set null, x int, y text, primary key (t, id), foreign key (x, y) references b (id, note) on delete set null);
       insert into child values (1, 1, 9, 7, 'extra'), (1, 2, 9, 1, 'kept')`,
      ['a', 'b', 'child'],
      'update public.child 1,1 with delete a 9',
    ],
  ])('%s: is one item with all columns, and comes back', async (_name, child, tables, item) => {
    await scene(child);
    const before = await run.contents(...tables);
    const expected = await byItself(DELETE_ALL, ...tables);
    expect(await run.contents(...tables)).toBe(before);
    const { runId, planned, entries } = await run.correct('columns');
    expect(planned).toContain(item);
    expect(new Set(planned.map((name) => name.replace(/ with .*/, ''))).size).toBe(planned.length);
    expect(entries.map(({ status, error }) => error ?? status)).toEqual(planned.map(() => 'SUCCESS'));
    expect(await run.contents(...tables)).toBe(expected);
    const undone = await run.undo(runId);
    expect(undone.map(({ status, error }) => error ?? status)).toEqual(planned.map(() => 'SUCCESS'));
    expect(await run.contents(...tables)).toBe(before);
  });

  it('comes back with all of the deletes that changed it, and with none of them alone', async () => {
    await scene(TWO);
    const before = await run.contents('a', 'b', 'child');
    const { runId } = await run.correct('tied');
    const after = await run.contents('a', 'b', 'child');
    const seqOf = async (key: string) =>
      (
        await run.target.query(
          `select seq from trueup.plan_item where run_id = $1 and table_name = 'a' and record_key ->> 'id' = $2`,
          [runId, key],
        )
      )[0]?.['seq'] ?? '';
    const [eight, nine, ten] = [await seqOf('8'), await seqOf('9'), await seqOf('10')];
    const refusal = { code: 'RUN_NOT_UNDOABLE', message: expect.stringContaining('public.child') as string };
    await expect(run.undo(runId, { corrections: [eight] })).rejects.toMatchObject(refusal);
    await expect(run.undo(runId, { corrections: [nine, ten] })).rejects.toMatchObject(refusal);
    await expect(run.undo(runId, { tables: ['public.child'] })).rejects.toMatchObject(refusal);
    expect(await run.contents('a', 'b', 'child')).toBe(after);
    await run.undo(runId, { corrections: [ten] });
    await run.undo(runId, { corrections: [eight, nine] });
    await run.undo(runId);
    expect(await run.contents('a', 'b', 'child')).toBe(before);
  });

  it('is deleted where one of them deletes it', async () => {
    await scene(`create table child (id int primary key, p int references a on delete cascade, q int references a on delete set null);
      insert into child values (101, 8, 9), (102, 9, 8), (103, 9, 9), (104, 1, 10)`);
    const before = await run.contents('a', 'b', 'child');
    const expected = await byItself(DELETE_ALL, 'a', 'b', 'child');
    const { runId, planned, entries } = await run.correct('wins');
    expect(planned.filter((name) => name.includes('child'))).toEqual([
      'delete public.child 101 with delete a 8',
      'delete public.child 102 with delete a 9',
      'delete public.child 103 with delete a 9',
      'update public.child 104 with delete a 10',
    ]);
    expect(entries.map(({ status, error }) => error ?? status)).toEqual(planned.map(() => 'SUCCESS'));
    expect(await run.contents('a', 'b', 'child')).toBe(expected);
    await run.undo(runId);
    expect(await run.contents('a', 'b', 'child')).toBe(before);
  });

  it.each([
    ['two deletes of one table', TWO, `insert into a values (9, 'extra')`],
    [
      'deletes of two tables',
      `create table child (id int primary key, p int references a on delete set null, q int references b on delete set null);
       insert into child values (102, 9, 7)`,
      `insert into a values (9, 'extra')`,
    ],
    [
      'where one deletes it, and that one is refused',
      `create table child (id int primary key, p int references a on delete cascade, q int references b on delete set null);
       insert into child values (102, 9, 7)`,
      `insert into a values (9, 'extra')`,
    ],
    [
      'where both delete it',
      `create table child (id int primary key, p int references a on delete cascade, q int references b on delete cascade);
       insert into child values (102, 9, 7)`,
      `insert into a values (9, 'extra')`,
    ],
    [
      'where both delete it, in one table',
      `create table child (id int primary key, p int references a on delete cascade, q int references a on delete cascade);
       insert into child values (102, 8, 9), (103, 9, 8)`,
      `insert into a values (8, 'extra')`,
    ],
  ])('%s: without the one, the other does not touch it, and undo gives all back', async (_name, child, change) => {
    await scene(child);
    const tables = ['a', 'b', 'child'];
    const before = await run.contents(...tables);
    const children = await run.contents('child');
    const { runId, entries } = await run.correct('one', () => run.source.query(change));
    const failed = entries.filter(({ status }) => status !== 'SUCCESS');
    expect(failed.some(({ table, status }) => table === 'a' && status === 'SKIPPED_STALE')).toBe(true);
    expect(failed.some(({ status, error }) => status === 'FAILED' && /child/.test(error ?? ''))).toBe(true);
    // Rows that only refer to what goes are changed, each with its before-image; the row in question is as it was.
    const images = await run.images(runId);
    expect(images).toHaveLength(entries.length - failed.length);
    const contents = await run.contents('child');
    const row = (text: string) =>
      (JSON.parse(text) as { t: string }[][]).flat().filter(({ t }) => /^\(10[23],/.test(t));
    if (child !== TWO) expect(row(contents)).toEqual(row(children));
    else expect(row(contents)[0]).toEqual(row(children)[0]);
    await run.undo(runId);
    expect(await run.contents(...tables)).toBe(before);
  });

  it('is changed also where its deletes lie in different batches', async () => {
    await scene(`insert into a select i, 'extra' from generate_series(1001, 1700) as i;
      create table child (id int primary key, p int references a on delete set null, q int references a on delete set null);
      insert into child select i, i, 2701 - i from generate_series(1001, 1060) as i`);
    const tables = ['a', 'b', 'child'];
    const before = await run.contents(...tables);
    const { runId, entries } = await run.correct('batches');
    expect(entries.filter(({ status }) => status !== 'SUCCESS')).toEqual([]);
    expect((await run.rows('child')).every(({ p, q }) => p === null && q === null)).toBe(true);
    await run.undo(runId);
    expect(await run.contents(...tables)).toBe(before);
  });
});
