import { CorrectionRun } from '../support/correction-run';

/** A column of a type in the source and another one in the target: what is there, and what the target holds at the end. */
interface Pair {
  readonly source: string;
  readonly target: string;
  /** Rows by their keys: what the source holds, what the target holds at first (undefined: no row), and in the end. */
  readonly rows: readonly (readonly [source: string | null, target: string | null | undefined, after: string | null])[];
}

/** Values that are written by way of the type in which they are compared. What is right was said by hand. */
const CONVERTED: readonly Pair[] = [
  {
    source: 'numeric(10,2)',
    target: 'integer',
    rows: [
      ['5.00', undefined, '5'],
      ['-7.00', '8', '-7'],
      [null, '1', null],
      ['6.00', '6', '6'],
    ],
  },
  { source: 'numeric(12,2)', target: 'bigint', rows: [['9007199254.00', undefined, '9007199254']] },
  { source: 'numeric(10,2)', target: 'smallint', rows: [['12.00', '1', '12']] },
  { source: 'numeric', target: 'double precision', rows: [['0.1', undefined, '0.1']] },
  {
    source: 'double precision',
    target: 'bigint',
    rows: [
      ['1e+06', undefined, '1000000'],
      ['-0', '1', '0'],
    ],
  },
  { source: 'double precision', target: 'numeric(20,1)', rows: [['1e+15', undefined, '1000000000000000.0']] },
  { source: 'real', target: 'double precision', rows: [['0.1', undefined, '0.10000000149011612']] },
  { source: 'real', target: 'numeric(9,3)', rows: [['0.1', '7', '0.100']] },
  {
    source: 'money',
    target: 'numeric(10,2)',
    rows: [
      ['1234.50', undefined, '1234.50'],
      ['-5', '5', '-5.00'],
    ],
  },
  { source: 'numeric(10,3)', target: 'money', rows: [['1234.500', undefined, '$1,234.50']] },
  {
    source: 'boolean',
    target: 'integer',
    rows: [
      ['true', undefined, '1'],
      ['false', '1', '0'],
    ],
  },
  { source: 'boolean', target: 'smallint', rows: [['true', '0', '1']] },
  { source: 'integer', target: 'boolean', rows: [['0', 'true', 'f']] },
  { source: 'date', target: 'timestamp', rows: [['2024-02-29', undefined, '2024-02-29 00:00:00']] },
  { source: 'timestamp(6)', target: 'date', rows: [['2024-02-29 00:00:00', '2024-02-28', '2024-02-29']] },
  { source: 'timetz', target: 'time', rows: [['10:00:00+00', undefined, '10:00:00']] },
  { source: 'macaddr', target: 'macaddr8', rows: [['08:00:2b:01:02:03', undefined, '08:00:2b:ff:fe:01:02:03']] },
  { source: 'macaddr8', target: 'macaddr', rows: [['08:00:2b:ff:fe:01:02:03', undefined, '08:00:2b:01:02:03']] },
  {
    source: 'inet',
    target: 'varchar(60)',
    rows: [
      ['10.0.0.1', undefined, '10.0.0.1'],
      ['10.0.0.0/8', '10.0.0.0', '10.0.0.0/8'],
      ['::1', '::2', '::1'],
    ],
  },
  { source: 'text', target: 'inet', rows: [['10.0.0.1', undefined, '10.0.0.1']] },
  { source: 'cidr', target: 'text', rows: [['10.0.0.0/8', undefined, '10.0.0.0/8']] },
  { source: 'cidr', target: 'inet', rows: [['10.0.0.0/8', '10.0.0.0/9', '10.0.0.0/8']] },
  { source: 'inet', target: 'cidr', rows: [['10.0.0.1', undefined, '10.0.0.1/32']] },
  {
    source: 'boolean',
    target: 'text',
    rows: [
      ['true', undefined, 't'],
      ['false', 't', 'f'],
    ],
  },
  { source: 'varchar(5)', target: 'boolean', rows: [['f', 'true', 'f']] },
  { source: 'mood', target: 'text', rows: [['sad', undefined, 'sad']] },
  { source: 'text', target: 'mood', rows: [['ok', 'sad', 'ok']] },
  { source: 'uuid', target: 'text', rows: [[UUID(), undefined, UUID()]] },
  { source: 'json', target: 'jsonb', rows: [['{"b":1,"a":1.0}', undefined, '{"a": 1.0, "b": 1}']] },
  { source: 'jsonb', target: 'json', rows: [['{"b":1,"a":1.0}', '{}', '{"a": 1.0, "b": 1}']] },
  { source: 'price', target: 'integer', rows: [['5.00', undefined, '5']] },
  { source: 'integer', target: 'price', rows: [['5', '6', '5.00']] },
  {
    source: 'numeric(10,2)[]',
    target: 'integer[]',
    rows: [
      ['{5.00,NULL}', undefined, '{5,NULL}'],
      ['{1.00}', '{2}', '{1}'],
    ],
  },
  { source: 'bigint[]', target: 'numeric[]', rows: [['{{5},{6}}', undefined, '{{5},{6}}']] },
  { source: 'char(5)', target: 'text', rows: [['ab', undefined, 'ab']] },
  { source: 'bpchar', target: 'text', rows: [['ab  ', undefined, 'ab']] },
  { source: 'xml', target: 'text', rows: [['<?xml version="1.0" encoding="UTF-8"?><a/>', undefined, '<a/>']] },
  { source: 'ratio', target: 'text', rows: [['(1,2)', undefined, '(1,2)']] },
  { source: 'ratio', target: 'ratio', rows: [['(1,2)', '(2,4)', '(1,2)']] },
  { source: 'bit(8)', target: 'varbit', rows: [['00000101', undefined, '00000101']] },
];

function UUID(): string {
  return 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11';
}

/** Values that the target's type would round or cut: nothing is written. */
const REFUSED: readonly (readonly [source: string, target: string, value: string, rest: string | undefined])[] = [
  ['numeric(10,2)', 'integer', '5.50', undefined],
  ['double precision', 'bigint', '1e+20', '3'],
  ['double precision', 'real', '0.1', undefined],
  ['numeric', 'double precision', '0.123456789012345678901', '1'],
  ['numeric(10,3)', 'money', '5.005', undefined],
  ['integer', 'boolean', '5', 'false'],
  ['timestamp', 'date', '2024-02-29 10:00:00', undefined],
  ['timestamptz', 'date', '2024-02-29 00:00:00.000001+00', '2024-02-28'],
  ['timetz', 'time', '10:00:00+02', undefined],
  ['macaddr8', 'macaddr', '08:00:2b:01:02:03:04:05', undefined],
  ['inet', 'cidr', '10.0.0.1/8', undefined],
  ['numeric[]', 'integer[]', '{1.5}', undefined],
  ['text', 'varchar(2)', 'abc', 'x'],
];

const TYPES = `create type mood as enum ('sad', 'ok'); create domain price as numeric(10,2);
  create type ratio as (a int, b int);
  create function ratio_text(ratio) returns text immutable language sql as $$ select (($1).a::numeric / ($1).b)::numeric(9,3)::text $$;
  create cast (ratio as text) with function ratio_text(ratio) as assignment;`;

const literal = (value: string | null) => (value === null ? 'null' : `'${value}'`);

describe('values are written in the type in which they were compared', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await CorrectionRun.create('written_values');
  });
  afterAll(() => run.drop());

  /** Makes table `t` of two columns, the second of other types, and returns what the target holds. */
  async function prepare(pair: Pair, corrections = ''): Promise<void> {
    await run.reset(`[{ name: t, corrections: { mismatched: auto, extra: auto }${corrections} }]`);
    await run.both(TYPES);
    await run.source.query(`create table t (id int primary key, v ${pair.source})`);
    await run.target.query(`create table t (id int primary key, v ${pair.target})`);
    for (const [i, [source, target]] of pair.rows.entries()) {
      await run.source.query(`insert into t values (${i}, ${literal(source)}::${pair.source})`);
      if (target === undefined) continue;
      await run.target.query(`insert into t values (${i}, ${literal(target)}::${pair.target})`);
    }
  }

  const values = async () =>
    (await run.target.query(`select case when num_nulls(v) = 0 then format('%s', v) end as v from t order by id`)).map(
      (row) => row['v'] ?? null,
    );

  test.each(CONVERTED.map((pair) => [`${pair.source} to ${pair.target}`, pair] as const))('%s', async (_, pair) => {
    await prepare(pair);
    const before = await run.contents('t');
    const { runId, entries } = await run.correct('converted');
    expect(entries.map(({ status, error }) => [status, error])).toEqual(
      pair.rows.filter(([, was, is]) => was !== is).map(() => ['SUCCESS', null]),
    );
    expect(await values()).toEqual(pair.rows.map(([, , after]) => after));
    const again = await run.compare('again');
    await run.freeze(again);
    expect(await run.planned(again)).toEqual([]);
    await run.undo(runId);
    expect(await run.contents('t')).toBe(before);
  });

  test.each(REFUSED)('%s to %s: %s is refused', async (source, target, value, was) => {
    await prepare({ source, target, rows: [[value, was, null]] });
    const before = await run.contents('t');
    const { entries } = await run.correct('refused');
    expect(entries.map(({ status }) => status)).toEqual(['FAILED']);
    expect(entries[0]?.error).toContain('SQLSTATE 2');
    expect(await run.contents('t')).toBe(before);
  });

  test('a refusal names the column, or those of the type that it may be', async () => {
    await run.reset('[t]');
    await run.source.query(`create table t (id bigint primary key, a numeric, b text, c numeric)`);
    await run.target.query(`create table t (id bigint primary key, a integer, b text, c smallint)`);
    await run.source.query(`insert into t values (1, 1.5, 'x', 1), (2, 1, 'x', 99999)`);
    const { entries } = await run.correct('named');
    expect(entries.map(({ error }) => error?.replace(/:.*/, ''))).toEqual([
      'column a does not hold the value as it is',
      'column c does not hold the value as it is',
    ]);
  });
});
