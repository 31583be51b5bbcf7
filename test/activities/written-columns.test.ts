import { CorrectionRun, type Entry } from '../support/correction-run';

const AUTO = 'corrections: { missing: auto, mismatched: auto, extra: auto }';
const statuses = (entries: readonly Entry[]) => entries.map(({ status, error }) => error ?? status);

describe('which columns a correction writes', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await CorrectionRun.create('written_columns');
  });
  afterAll(() => run.drop());

  const notes = async (runId: string) =>
    (
      await run.target.query(
        `select jsonb_array_elements_text(comparison -> 'notes') as note from trueup.run_table where run_id = $1`,
        [runId],
      )
    ).map(({ note }) => note);

  it.each([
    ['bit(8)', `'00000101'`, 'int', '5'],
    ['int', '500', 'money', `'$5.00'`],
    ['point', `'(1,2)'`, 'int[]', `'{1,2}'`],
    ['interval', `'1 day'`, 'time', `'10:00'`],
    ['uuid', `'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'`, 'bytea', `'\\x00'`],
  ])('never one that cannot be compared: %s %s, %s %s', async (ofSource, value, ofTarget, other) => {
    await run.reset(`[{ name: b, ${AUTO} }]`);
    await run.source.query(`create table b (id int primary key, v ${ofSource}, w text);
      insert into b values (1, ${value}, 'a'), (2, ${value}, 'b')`);
    await run.target.query(`create table b (id int primary key, v ${ofTarget} default ${other}, w text);
      insert into b values (1, ${other}, 'x')`);
    const { runId, entries } = await run.correct('incomparable');
    expect(statuses(entries)).toEqual(['SUCCESS', 'SUCCESS']);
    expect(await run.target.query(`select id, w, v = ${other}::${ofTarget} as kept from b order by id`)).toEqual([
      { id: '1', w: 'a', kept: 't' },
      { id: '2', w: 'b', kept: 't' },
    ]);
    expect(await notes(runId)).toContain('never written, left to a default on insert: v');
    expect((await run.verify(runId, 'b')).differing).toBe(0);
    await run.undo(runId);
    expect(await run.target.query('select id, w from b')).toEqual([{ id: '1', w: 'x' }]);
  });

  it('copies an excluded column of a row that is missing where it converts, and leaves it to its default where not', async () => {
    await run.reset(`[{ name: e, exclude: [a, b, c], ${AUTO} }]`);
    await run.source.query(`create table e (id int primary key, a numeric(10,2), b bit(8), c timestamp, v text);
      insert into e values (1, 7.00, '00000110', '2024-01-01', 'v'), (2, 8.00, '00000111', '2024-01-02', 'w')`);
    await run.target.query(`create table e (id int primary key, a bigint, b int default 77, c date not null, v text);
      insert into e values (1, -1, -1, '2000-01-01', 'x')`);
    const { runId, entries } = await run.correct('excluded');
    expect(statuses(entries)).toEqual(['SUCCESS', 'SUCCESS']);
    expect(await run.rows('e')).toEqual([
      { id: '1', a: '-1', b: '-1', c: '2000-01-01', v: 'v' },
      { id: '2', a: '8', b: '77', c: '2024-01-02', v: 'w' },
    ]);
    expect(await notes(runId)).toContain('never written, left to a default on insert: b');
  });

  it.each([
    ['excluded', 'exclude: [b], ', 'b int not null'],
    ['incomparable', '', 'b int not null'],
    ['of a domain that is not null', '', 'b filled'],
    ['only in the target', '', 'b text, "B 2" int not null'],
  ])('refuses inserts where a column must be filled and cannot be: %s', async (_name, fields, columns) => {
    await run.reset(`[{ name: r, ${fields}${AUTO} }]`);
    await run.source.query(`create table r (id int primary key, b bit(8), v text);
      insert into r values (1, '00000110', 'v'), (2, '00000111', 'w')`);
    await run.target.query(`create domain filled as int not null;
      create table r (id int primary key, ${columns}, v text);
      insert into r values (1, '5', ${columns.includes('B 2') ? '6, ' : ''}'x')`);
    const runId = await run.compare('refused');
    const plan = await run.freeze(runId);
    expect(await run.planned(runId)).toEqual(['update r 1']);
    expect(statuses(await run.apply(runId, plan.digest))).toEqual(['SUCCESS']);
    const name = columns.includes('B 2') ? 'B 2' : 'b';
    expect((await notes(runId)).filter((note) => note?.includes('not inserted'))).toEqual([
      `rows missing in the target are not inserted: ${name} of the target cannot be NULL, has no default, and nothing of ` +
        'the source can be written to it; give it a default or a type that the source converts to without loss, or map a ' +
        'column to it in the config (columns: …)',
    ]);
    expect(
      await run.target.query(
        `select inconsistency_type as type, resolution from trueup.reconciliation_log where run_id = $1 order by 1`,
        [runId],
      ),
    ).toEqual([
      { type: 'field_mismatch', resolution: 'AUTO_CORRECTED' },
      { type: 'missing_in_target', resolution: 'OPEN' },
    ]);
  });

  it.each([
    ['identity', 'b bigint generated always as identity', ''],
    ['a default', `b text not null default 'd'`, ''],
    ['generated', 'b text not null generated always as (v || id::text) stored', ''],
    ['a domain with a default', 'b filled', `create domain filled as text not null default 'd'`],
    [
      'a trigger',
      'b text not null',
      `create function fill() returns trigger language plpgsql as 'begin new.b := 1; return new; end';
       create trigger fill before insert on r for each row execute function fill()`,
    ],
  ])('does not refuse inserts where a column of the target alone is filled: by %s', async (_name, column, more) => {
    await run.reset(`[{ name: r, ${AUTO} }]`);
    await run.source.query(`create table r (id int primary key, v text); insert into r values (1, 'v')`);
    if (more.includes('domain')) await run.target.query(more);
    await run.target.query(`create table r (id int primary key, ${column}, v text)`);
    if (more.includes('trigger')) await run.target.query(more);
    const { entries } = await run.correct('filled');
    expect(statuses(entries)).toEqual(['SUCCESS']);
  });

  it('ties rows by what the target holds: keys and references that the source has in another form', async () => {
    const names = ['parents', 'children'];
    await run.reset(`[${names.map((name) => `{ name: ${name}, source: public.${name}, ${AUTO} }`).join(', ')}]`);
    const ring = (type: string) => `
      create table parents (id ${type} primary key, favourite ${type}, place ${type} unique);
      create table children (id ${type} primary key, parent ${type} not null references parents);
      alter table parents add foreign key (favourite) references children;`;
    await run.source.query(ring('numeric(10,2)'));
    await run.target.query(ring('int'));
    await run.source.query(`insert into parents select i, null, 10 - i from generate_series(1, 4) as i;
      insert into children select i, i from generate_series(1, 4) as i; update parents set favourite = id`);
    await run.target.query(`insert into parents select i, null, i from generate_series(6, 9) as i`);
    const before = await run.contents(...names);
    const { runId, entries } = await run.correct('ties');
    expect([...new Set(statuses(entries))]).toEqual(['SUCCESS']);
    expect(await run.rows('parents')).toEqual(
      [1, 2, 3, 4].map((i) => ({ id: `${i}`, favourite: `${i}`, place: `${10 - i}` })),
    );
    expect(await run.rows('children')).toEqual([1, 2, 3, 4].map((i) => ({ id: `${i}`, parent: `${i}` })));
    await run.undo(runId);
    expect(await run.contents(...names)).toBe(before);
  });

  it('swaps unique values that the source has in another form', async () => {
    await run.reset(`[{ name: s, ${AUTO} }]`);
    await run.source.query(`create table s (id int primary key, place numeric(10,2) not null unique);
      insert into s values (1, 2), (2, 1), (3, 3)`);
    await run.target.query(`create table s (id int primary key, place int not null unique);
      insert into s values (1, 1), (2, 2), (3, 4)`);
    const { runId, entries } = await run.correct('swap');
    expect(statuses(entries)).toEqual(['SUCCESS', 'SUCCESS', 'SUCCESS']);
    expect(await run.rows('s')).toEqual([1, 2, 3].map((i) => ({ id: `${i}`, place: `${[2, 1, 3][i - 1]}` })));
    await run.undo(runId);
    expect(await run.rows('s')).toEqual([1, 2, 3].map((i) => ({ id: `${i}`, place: `${[1, 2, 4][i - 1]}` })));
  });

  it('moves sequences past numbers that the source has in another form', async () => {
    await run.reset(`[{ name: q, ${AUTO} }]`);
    await run.source.query('create table q (id numeric(10,2) primary key); insert into q values (41)');
    await run.target.query('create table q (id serial primary key)');
    expect(statuses((await run.correct('sequence')).entries)).toEqual(['SUCCESS']);
    expect(await run.target.query('insert into q default values returning id')).toEqual([{ id: '42' }]);
  });
});

describe('texts that spell a value', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await CorrectionRun.create('spelt_values');
  });
  afterAll(() => run.drop());

  it.each([
    ['inet', 'varchar', '10.0.0.1', ['10.0.0.1', '10.0.0.1/32'], ['10.0.0.2', '10.0.0.1/24', '10.0.0.01']],
    ['inet', 'text', '::1', ['::1', '::1/128'], ['::1/64', '::1/32']],
    ['inet', 'citext', '10.0.0.0/8', ['10.0.0.0/8'], ['10.0.0.0']],
    ['cidr', 'text', '10.0.0.1', ['10.0.0.1/32'], ['10.0.0.2/32']],
    ['boolean', 'text', 'true', ['t', 'true'], ['T', 'yes', '1', 'f', '']],
    ['boolean', 'char(5)', 'false', ['f', 'false'], ['true']],
    [
      'xml',
      'text',
      '<?xml version="1.0" encoding="UTF-8"?><a/>',
      ['<a/>', '<?xml version="1.0" encoding="UTF-8"?><a/>'],
      ['<b/>', '<a'],
    ],
    ['name', 'text', 'n', ['n'], ['m']],
    ['"char"', 'text', 'n', ['n'], ['m']],
    ['oddly', 'text', '(1,2)', ['(1,2)'], ['1']],
  ])('%s and %s: %s', async (typed, text, value, equal, unequal) => {
    for (const turned of [false, true]) {
      await run.reset(`[{ name: t, ${AUTO} }]`);
      await run.both(`create extension citext; create type oddly as (a int, b int);
        create function first_of(oddly) returns text immutable language sql as 'select ($1).a::text';
        create cast (oddly as text) with function first_of(oddly) as assignment`);
      const [a, b] = turned ? [run.target, run.source] : [run.source, run.target];
      await a.query(`create table t (id int primary key, v ${typed})`);
      await b.query(`create table t (id int primary key, v ${text})`);
      for (const [i, spelling] of [...equal, ...unequal].entries()) {
        await a.query(`insert into t values (${i}, '${value}')`);
        await b.query(`insert into t values (${i}, '${spelling}')`);
      }
      const runId = await run.compare('spelt');
      await run.freeze(runId);
      expect(await run.planned(runId)).toEqual(unequal.map((_, i) => `update t ${equal.length + i}`));
    }
  });

  it('tells rows apart by what a type of the users puts out, not by its cast to text, and gives them back', async () => {
    await run.reset(`[{ name: t, ${AUTO} }]`);
    await run.both(`create type oddly as (a int, b int);
      create function first_of(oddly) returns text immutable language sql as 'select ($1).a::text';
      create cast (oddly as text) with function first_of(oddly) as assignment;
      create table t (id int primary key, v oddly)`);
    await run.source.query(`insert into t values (1, '(1,2)'), (2, '(,)'), (3, '(3,4)')`);
    await run.target.query(`insert into t values (1, '(1,3)'), (2, null), (4, '(3,4)')`);
    const before = await run.contents('t');
    const { runId, entries } = await run.correct('users');
    expect(statuses(entries)).toEqual(['SUCCESS', 'SUCCESS', 'SUCCESS', 'SUCCESS']);
    expect(await run.rows('t')).toEqual([
      { id: '1', v: '(1,2)' },
      { id: '2', v: '(,)' },
      { id: '3', v: '(3,4)' },
    ]);
    await run.undo(runId);
    expect(await run.contents('t')).toBe(before);
  });

  it('matches keys of which one is the output of the other', async () => {
    await run.reset(`[{ name: t, ${AUTO} }]`);
    await run.source.query(
      `create table t (ip inet primary key, v int); insert into t values ('10.0.0.1', 1), ('10.0.0.2', 2)`,
    );
    await run.target.query(
      `create table t (ip varchar primary key, v int); insert into t values ('10.0.0.1', 0), ('10.0.0.3', 3)`,
    );
    const { entries, planned } = await run.correct('keys');
    expect(planned).toEqual(['insert t 10.0.0.2', 'update t 10.0.0.1', 'delete t 10.0.0.3']);
    expect(statuses(entries)).toEqual(['SUCCESS', 'SUCCESS', 'SUCCESS']);
    expect(await run.rows('t')).toEqual([
      { ip: '10.0.0.1', v: '1' },
      { ip: '10.0.0.2', v: '2' },
    ]);
  });
});
