import { startPostgres, type PostgresServer } from '../../client/embedded/postgres-server';
import type { Difference } from '../../contracts/difference';
import { EnginePair, findDifferences, namesOf } from '../support/engine';
import { servers } from '../support/servers';
import { OWN_TYPES, VALUE_PAIRS } from '../support/value-pairs';

/** Settings of a database under which its values read as nowhere else. */
const DEFAULTS = {
  source: `set timezone = 'America/New_York'`,
  target: `set timezone = 'Asia/Kolkata'`,
};
const STRANGE = [
  `set datestyle = 'German, DMY'`,
  `set intervalstyle = 'sql_standard'`,
  'set extra_float_digits = -5',
  `set bytea_output = 'escape'`,
  `set xmloption = 'document'`,
  `set default_text_search_config = 'pg_catalog.german'`,
];

describe.each([
  ['an old source', 'a new target', { source: 14, target: 18 }],
  ['a new source', 'an old target', { source: 18, target: 14 }],
])('values of %s and %s', (_source, _target, versions) => {
  let old: PostgresServer;
  let pair: EnginePair;
  beforeAll(async () => {
    old = await startPostgres({ version: 'pg14' });
    const url = (version: number) => (version === 14 ? old.url() : servers.postgresUrl);
    pair = await EnginePair.create('values', {
      sourceServer: url(versions.source),
      targetServer: url(versions.target),
      sourceOptions: `encoding 'UTF8' locale 'C'`,
      targetOptions: `encoding 'UTF8' locale 'C.UTF-8'`,
    });
    for (const side of ['source', 'target'] as const) {
      for (const setting of [DEFAULTS[side], ...(side === 'source' ? STRANGE : [])]) {
        await pair[side].query(`alter database "${pair[side].name}" ${setting}`);
      }
      await pair[side].query(OWN_TYPES[side]);
    }
    await pair.both(OWN_TYPES.both);
  });
  afterAll(async () => {
    await pair.drop();
    await old.remove();
  });

  /** A table with a column for each pair of types, and in its rows the pairs of values, the equal ones first. */
  async function fill() {
    const rows = Math.max(...VALUE_PAIRS.map(({ equal, different }) => equal.length + different.length));
    for (const [side, i] of [
      ['source', 0],
      ['target', 1],
    ] as const) {
      const columns = VALUE_PAIRS.map((types, n) => `v${n} ${types[side]}`);
      await pair[side].query(`drop table if exists t; create table t (id int primary key, ${columns.join(', ')})`);
      for (let row = 0; row < rows; row += 1) {
        const values = VALUE_PAIRS.map(({ equal, different }) => [...equal, ...different][row]?.[i] ?? null);
        const places = values.map((_, n) => `$${n + 1}`);
        await pair[side].query(`insert into t values (${row}, ${places.join(', ')})`, values);
      }
    }
  }

  const brief = (value: string | null | undefined) =>
    value == null ? 'NULL' : value.length > 60 ? `…${value.slice(-10)}` : `'${value}'`;
  const named = ({ source, target }: (typeof VALUE_PAIRS)[number], values: readonly (string | null)[]) =>
    `${source} ${brief(values[0])} / ${target} ${brief(values[1])}`;
  const EXPECTED = VALUE_PAIRS.flatMap((types) => types.different.map((values) => named(types, values)));

  function differing(found: readonly Difference[]): string[] {
    const columns = new Set(
      found.flatMap(({ key, differences }) => differences.map(({ name }) => `${key['id'] ?? ''} ${name}`)),
    );
    return VALUE_PAIRS.flatMap((types, n) =>
      [...types.equal, ...types.different].flatMap((values, row) =>
        columns.has(`${row} v${n}`) ? [named(types, values)] : [],
      ),
    );
  }

  it('differ exactly where they are not equal in SQL, in chunks of any size', async () => {
    await fill();
    const inspected = await pair.inspect('t');
    for (const chunkRows of [1, 7, 50_000]) {
      const found = await findDifferences(inspected, chunkRows);
      expect({ chunkRows, differing: differing(found) }).toEqual({ chunkRows, differing: EXPECTED });
      const all = found.flatMap(({ differences }) => differences);
      expect(all).toHaveLength(EXPECTED.length);
    }
  });

  it('are read as the text that a reader knows, whatever the databases’ own settings', async () => {
    await pair.both(
      'drop table if exists t; create table t (id int primary key, w timestamptz, f float8, i interval, b bytea)',
    );
    await pair.source.query(`insert into t values (1, '2024-07-01 10:00:00.000001+00', 0.1, '1 mon -1 day', '\\x00')`);
    await pair.target.query(`insert into t values (1, '0044-03-15 00:00:00+00 BC', 1e308, '00:00:00', '\\x')`);
    const [only] = await pair.differences('t');
    expect(only?.differences.map(({ source, target }) => [source, target])).toEqual([
      ['2024-07-01 10:00:00.000001+00', '0044-03-15 00:00:00+00 BC'],
      ['0.1', '1e+308'],
      ['1 mon -1 days', '00:00:00'],
      ['\\x00', '\\x'],
    ]);
  });

  it('do not pass from one column to the next', async () => {
    await pair.both('drop table if exists t; create table t (id int primary key, a text, b text, c text)');
    await pair.source.query(`insert into t values (1, 'x|', 'y', null), (2, 'x,y', null, 'z'), (3, '', null, 'NULL')`);
    await pair.target.query(`insert into t values (1, 'x', '|y', null), (2, 'x', 'y', 'z'), (3, null, '', 'NULL')`);
    expect(namesOf(await pair.differences('t'))).toEqual([
      'field_mismatch ["1"] a b',
      'field_mismatch ["2"] a b',
      'field_mismatch ["3"] a b',
    ]);
  });

  it('of an infinite interval are no others, on a server that has none either', async () => {
    await pair.both('drop table if exists t; create table t (id int primary key, v interval, w interval[])');
    const side = versions.source === 18 ? 'source' : 'target';
    const other = side === 'source' ? 'target' : 'source';
    await pair[side].query(
      `insert into t values (1, 'infinity', '{infinity}'), (2, '1 mon', '{1 mon}'), (3, '-infinity', null)`,
    );
    await pair[other].query(
      `insert into t values (1, '1 mon', '{1 mon}'), (2, '30 days', '{30 days}'), (3, null, '{}')`,
    );
    for (const chunkRows of [1, 50_000]) {
      expect(namesOf(await pair.differences('t', {}, chunkRows))).toEqual([
        'field_mismatch ["1"] v w',
        'field_mismatch ["3"] v w',
      ]);
    }
  });

  it('that are generated are compared like any other', async () => {
    await pair.source.query(
      'drop table if exists t; create table t (id int primary key, a int, g int generated always as (a * 2) stored)',
    );
    await pair.target.query(
      'drop table if exists t; create table t (id int primary key, a int, g int generated always as (a * 3) stored)',
    );
    await pair.both('insert into t (id, a) values (1, 0), (2, 1)');
    expect(namesOf(await pair.differences('t'))).toEqual(['field_mismatch ["2"] g']);
  });

  it('of types with no common form are named, and the rest is compared', async () => {
    await pair.source.query(
      'drop table if exists t; create table t (id int primary key, a boolean, b uuid, c timestamp, d jsonb, e int)',
    );
    await pair.target.query(
      'drop table if exists t; create table t (id int8 primary key, a bigint, b bytea, c bigint, d int, e numeric)',
    );
    await pair.source.query(
      `insert into t values (1, true, gen_random_uuid(), now(), '1', 1), (2, true, null, null, null, 2)`,
    );
    await pair.target.query(`insert into t values (1, 0, '\\x00', 5, 1, 1.0), (2, 1, null, null, null, 3)`);
    const inspected = await pair.inspect('t');
    expect(inspected.comparison.notes).toEqual([
      'not compared, as no type takes the values of both without loss: a: boolean in the source, bigint in the target',
      'not compared, as no type takes the values of both without loss: b: uuid in the source, bytea in the target',
      'not compared, as no type takes the values of both without loss: c: timestamp without time zone in the source, bigint in the target',
      'not compared, as no type takes the values of both without loss: d: jsonb in the source, integer in the target',
      'types differ, compared as numeric: e: integer in the source, numeric in the target',
      'never written, left to a default on insert: a, b, c, d',
    ]);
    expect(namesOf(await findDifferences(inspected, 7))).toEqual(['field_mismatch ["2"] e']);
  });

  it('of a key without a common form are refused', async () => {
    await pair.source.query('drop table if exists t; create table t (id uuid primary key)');
    await pair.target.query('drop table if exists t; create table t (id int primary key)');
    await expect(pair.inspect('t')).rejects.toMatchObject({ code: 'COLUMNS_INCOMPARABLE' });
  });
});
