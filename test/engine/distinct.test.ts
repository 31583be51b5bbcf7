import { EnginePair, namesOf } from '../support/engine';

/** Pairs of values that differ; for many of them PostgreSQL's own hash function gives one and the same hash. */
const DIFFERENT: readonly (readonly [type: string, source: string, target: string])[] = [
  ['bigint', '-1', '4294967295'],
  ['bigint', '1', '4294967296'],
  ['bigint', '-9223372036854775808', '9223372036854775807'],
  ['numeric', '5.00', '-5.00'],
  ['numeric(12,2)', '0.01', '-0.01'],
  ['numeric', 'NaN', 'Infinity'],
  ['numeric', 'Infinity', '-Infinity'],
  ['numeric', '1', '10000'],
  ['numeric', '12345678901234567890.123456789', '12345678901234567890.123456788'],
  ['money', '$0.01', '-$0.02'],
  ['money', '-$0.01', '$42949672.95'],
  ['timestamptz', '2000-01-01 00:00:00+00', '1999-12-31 23:59:59.999999+00'],
  ['timestamptz', '1999-12-31 23:59:59.999999+00', '2000-01-01 01:11:34.967295+00'],
  ['timestamptz', '2024-05-05 10:00:00.000001+00', '2024-05-05 10:00:00.000002+00'],
  ['timestamptz', '2024-05-05 10:00:00+00', '2024-05-05 11:00:00+00'],
  ['timestamptz', 'infinity', '-infinity'],
  ['timestamp', '1999-12-31 23:59:59.999999', '2000-01-01 01:11:34.967295'],
  ['timestamp', '0044-03-15 00:00:00 BC', '0044-03-15 00:00:00'],
  ['time', '00:00:00', '01:11:34.967297'],
  ['timetz', '10:00:00+01', '09:00:00+00'],
  ['date', '0001-01-01 BC', '0001-01-01'],
  ['date', 'infinity', '-infinity'],
  ['interval', '-1 microsecond', '4294967295 microseconds'],
  ['interval', '1 mon', '-1 mon'],
  ['double precision', 'Infinity', 'NaN'],
  ['double precision', '0.1', '0.10000000000000002'],
  ['real', '0.1', '0.10000001'],
  ['jsonb', '{"a": -1}', '{"a": 1}'],
  ['jsonb', '[[1], 2]', '[[1, 2]]'],
  ['jsonb', '{"a": 1}', '["a", 1]'],
  ['jsonb', `[1${', 0'.repeat(31)}, 2]`, `[2${', 0'.repeat(31)}, 1]`],
  ['json', '{"a": -1}', '{"a": 1}'],
  ['int8[]', '{-1}', '{4294967295}'],
  ['int4[]', '{{1,2},{3,4}}', '{1,2,3,4}'],
  ['int4[]', '[0:1]={1,2}', '{1,2}'],
  ['numeric[]', '{1}', '{-1}'],
  ['float8[]', '{0}', '{NULL}'],
  ['text[]', '{a,NULL}', '{a,"NULL"}'],
  ['numrange', '[1,2)', '[-1,2)'],
  ['int8range', '[-1,5000000000)', '[4294967295,5000000000)'],
  ['tstzrange', '[2024-01-01 00:00+00,)', '[2024-01-01 00:00+00,infinity)'],
  ['text', 'a', 'a '],
  ['text', '', ' '],
  ['text', 'é', 'e\u0301'],
  ['varchar(9)', 'a', 'a '],
  ['bytea', '\\x00', '\\x0000'],
  ['bit(4)', '0001', '0010'],
  ['varbit', '0', '00'],
  ['inet', '10.0.0.0/8', '10.0.0.0/9'],
  ['cidr', '10.0.0.0/8', '10.0.0.0/9'],
  ['macaddr', '08:00:2b:01:02:03', '08:00:2b:01:02:04'],
  ['bool', 'true', 'false'],
  ['uuid', '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000001'],
  ['point', '(1,2)', '(2,1)'],
  ['xml', '<a/>', '<b/>'],
  ['pg_lsn', 'FFFFFFFF/FFFFFFFF', '0/0'],
  ['"char"', 'a', 'b'],
  ['char(5)', 'a', 'b'],
  ['tsvector', 'a:1', 'a:2'],
  ['mood', 'sad', 'ok'],
  ['mood[]', '{sad}', '{ok}'],
  ['pair', '(1,-1)', '(1,4294967295)'],
  ['amount', '1.5', '-1.5'],
];

/** A value to which NULL's hash may not be equal. */
const NOT_NULL: readonly (readonly [type: string, value: string])[] = [
  ['double precision', '0'],
  ['real', '0'],
  ['numeric', 'NaN'],
  ['numeric', '0'],
  ['bigint', '0'],
  ['integer', '0'],
  ['text', ''],
  ['bytea', '\\x'],
  ['bool', 'false'],
  ['jsonb', 'null'],
  ['int4[]', '{}'],
  ['date', '2000-01-01'],
  ['timestamptz', '2000-01-01 00:00:00+00'],
];

/** Texts that differ, of values that are equal in their type. */
const EQUAL: readonly (readonly [type: string, source: string, target: string])[] = [
  ['numeric', '1.0', '1.00'],
  ['numeric', '0', '0.000'],
  ['numeric', '-0.0', '0'],
  ['numeric', '1e3', '1000'],
  ['double precision', '-0', '0'],
  ['real', '-0', '0'],
  ['double precision', 'NaN', '-NaN'],
  ['jsonb', '{"a": 1, "b": 2}', '{"b":2,"a":1}'],
  ['json', '{"a": 1, "b": 2}', '{"b":2,"a":1}'],
  ['char(5)', 'a', 'a  '],
  ['timestamptz', '2024-05-05 10:00:00+00', '2024-05-05 12:00:00+02'],
  ['uuid', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  ['mood', 'ok', 'ok'],
  ['mood[]', '{ok,NULL}', '{ok,NULL}'],
  ['pair', '(1,2)', '(1,2)'],
  ['amount', '1.5', '1.50'],
];

describe('values that a comparison tells apart', () => {
  let pair: EnginePair;
  beforeAll(async () => {
    pair = await EnginePair.create('distinct');
    // OIDs differ between the databases: an enum is hashed by one.
    await pair.target.query(`create type decoy as enum ('x', 'y', 'z')`);
    await pair.source.query(`create type mood as enum ('sad', 'ok')`);
    await pair.target.query(`create type mood as enum ('ok', 'new', 'sad')`);
    await pair.both('create type pair as (a int, b bigint); create domain amount as numeric check (value < 100)');
  });
  afterAll(() => pair.drop());

  async function found(rows: readonly (readonly [type: string, source: string | null, target: string | null])[]) {
    await pair.both('drop table if exists one');
    await pair.both(`create table one (id int primary key, ${rows.map(([type], i) => `c${i} ${type}`).join(', ')})`);
    const insert = (values: readonly (string | null)[]) =>
      `insert into one values (1, ${values.map((_, i) => `$${i + 1}`).join(', ')})`;
    await pair.source.query(
      insert(rows.map(([, source]) => source)),
      rows.map(([, source]) => source),
    );
    await pair.target.query(
      insert(rows.map(([, , target]) => target)),
      rows.map(([, , target]) => target),
    );
    const [only] = await pair.differences('one');
    return new Set(only?.differences.map(({ name }) => name));
  }
  const names = (rows: readonly (readonly [string, ...unknown[]])[], columns: ReadonlySet<string>) =>
    rows.flatMap((row, i) => (columns.has(`c${i}`) ? [row.join(' | ')] : []));
  const all = (rows: readonly (readonly [string, ...unknown[]])[]) => rows.map((row) => row.join(' | '));

  it('finds every pair of values that differ, also where PostgreSQL hashes both alike', async () => {
    expect(names(DIFFERENT, await found(DIFFERENT))).toEqual(all(DIFFERENT));
  });

  it.each([
    [`-5::numeric`, `5::numeric`],
    [`'NaN'::numeric`, `null::numeric`],
    [`0::float8`, `null::float8`],
    [`(-1)::int8`, `4294967295::int8`],
    [`array[1]`, `array[array[1]]`],
    [`'{"a": -1}'::jsonb`, `'{"a": 1}'::jsonb`],
  ])('knows why: to hash_record_extended, %s is %s', async (a, b) => {
    const sql = `select hash_record_extended(row(${a}), 0) = hash_record_extended(row(${b}), 0) as same`;
    expect(await pair.source.query(sql)).toEqual([{ same: 't' }]);
  });

  it('tells NULL from every value, on either side', async () => {
    expect(names(NOT_NULL, await found(NOT_NULL.map(([type, value]) => [type, value, null])))).toEqual(all(NOT_NULL));
    expect(names(NOT_NULL, await found(NOT_NULL.map(([type, value]) => [type, null, value])))).toEqual(all(NOT_NULL));
  });

  it('takes equal values of a type for equal, whatever their text', async () => {
    expect(names(EQUAL, await found(EQUAL))).toEqual([]);
  });

  it('finds each of them by the fingerprint of a whole row, one row to a difference', async () => {
    await pair.both('drop table if exists many; create table many (id int primary key, n numeric, b bigint, f float8)');
    await pair.source.query('insert into many select i, i, -1, 0 from generate_series(1, 300) as i');
    await pair.target.query('insert into many select i, i, -1, 0 from generate_series(1, 300) as i');
    await pair.target.query(
      'update many set n = -n where id = 7; update many set b = 4294967295 where id = 150; update many set f = null where id = 299',
    );
    expect(namesOf(await pair.differences('many'))).toEqual([
      'field_mismatch ["150"] b',
      'field_mismatch ["299"] f',
      'field_mismatch ["7"] n',
    ]);
  });

  it.each([
    ['int4', 'int8', '-1', '4294967295'],
    ['int2', 'numeric', '5', '-5'],
    ['int8', 'numeric', '-1', '4294967295'],
    ['numeric', 'float8', '0.5', '-0.5'],
    ['real', 'float8', '0.5', '-0.5'],
    ['date', 'timestamp', '2024-01-01', '2024-01-02 00:00:00'],
    ['timestamp', 'timestamptz', '2024-01-01 00:00:00', '2024-01-01 01:00:00+00'],
    ['json', 'jsonb', '{"a":1}', '{"a":-1}'],
    ['varchar(5)', 'text', 'a', 'a '],
    ['char(5)', 'text', 'a', 'b'],
    ['text', 'mood', 'ok', 'sad'],
    ['int4', 'text', '1', '01'],
    ['bit(3)', 'varbit', '001', '0010'],
  ])('compares %s with %s: the same value is equal, another is not', async (source, target, value, other) => {
    await pair.both('drop table if exists mixed');
    await pair.source.query(`create table mixed (id int2 primary key, v ${source})`);
    await pair.target.query(`create table mixed (id int8 primary key, v ${target})`);
    await pair.source.query('insert into mixed values (1, $1), (2, $1), (3, null), (4, $1)', [value]);
    await pair.target.query('insert into mixed values (1, $1), (2, $2), (3, null), (4, null)', [value, other]);
    expect(namesOf(await pair.differences('mixed'))).toEqual(['field_mismatch ["2"] v', 'field_mismatch ["4"] v']);
  });
});
