import type { CheckFinding } from '../../contracts/check';
import { countRows } from '../../engine/detect/counts';
import { groupingOf, ONE_GROUP } from '../../engine/detect/grouping';
import { EnginePair, type PairOptions } from '../support/engine';
import { TwoServers } from '../support/two-servers';

async function countsOf(
  pair: EnginePair,
  table: string,
  groupBy: readonly string[],
  options: PairOptions & { high?: number } = {},
) {
  const { comparison, sides } = await pair.inspect(table, options);
  const grouping = groupBy.length === 0 ? ONE_GROUP : await groupingOf(comparison, sides, groupBy);
  const found: CheckFinding[] = [];
  const outcome = await countRows({ comparison, sides, grouping, high: options.high ?? 100 }, async (page) => {
    found.push(...page);
  });
  const lines = found
    .map(({ about, key, source, target }) => {
      const values = Object.values(key).map((value) => value ?? 'NULL');
      return `${about === '' ? 'all' : values.join('|')} ${source?.['count']}:${target?.['count']}`;
    })
    .sort();
  return { ...outcome, found, lines };
}

describe('counts of rows', () => {
  let pair: EnginePair;
  beforeAll(async () => {
    pair = await EnginePair.create('detect_counts');
  });
  afterAll(() => pair.drop());
  beforeEach(() => pair.both('drop schema public cascade; create schema public'));

  test.each([
    ['two empty tables', '', '', [], { source: 0, target: 0 }],
    ['one row each', '(1)', '(1)', [], { source: 1, target: 1 }],
    ['an empty target', '(1)', '', ['all 1:0'], { source: 1, target: 0 }],
    ['an empty source', '', '(1), (2)', ['all 0:2'], { source: 0, target: 2 }],
    ['NULL in all of them, and no key', '(null), (null)', '(null)', ['all 2:1'], { source: 2, target: 1 }],
  ])('are taken of %s', async (_, source, target, lines, rows) => {
    await pair.both('create table t (a int)');
    if (source !== '') await pair.source.query(`insert into t values ${source}`);
    if (target !== '') await pair.target.query(`insert into t values ${target}`);
    expect(await countsOf(pair, 't', [])).toMatchObject({ lines, rows });
    expect((await countsOf(pair, 't', ['a'])).rows).toEqual(rows);
  });

  test('are high beyond a limit, and say how far they lie apart', async () => {
    await pair.both('create table t (id int primary key); insert into t select generate_series(1, 300)');
    await pair.target.query('delete from t where id > 200');
    const { found } = await countsOf(pair, 't', []);
    expect(found).toEqual([
      {
        table: 't',
        type: 'count_mismatch',
        severity: 'medium',
        about: '',
        key: {},
        differences: [{ name: 'count', targetName: 'count', source: '300', target: '200' }],
        source: { count: '300' },
        target: { count: '200' },
        detail: '300 rows in the source, 200 in the target: -100',
      },
    ]);
    await pair.target.query('delete from t where id = 1');
    expect((await countsOf(pair, 't', [])).found[0]?.severity).toBe('high');
    expect((await countsOf(pair, 't', [], { high: 101 })).found[0]?.severity).toBe('medium');
  });

  test('are taken of the rows that the pair has', async () => {
    await pair.both(`create table t (id int primary key, kind text); insert into t values (1, 'a'), (2, 'b')`);
    await pair.target.query(`insert into t values (3, 'b')`);
    const where = `kind = 'a' -- only these`;
    expect(await countsOf(pair, 't', ['kind'], { where })).toMatchObject({ lines: [], rows: { source: 1, target: 1 } });
    expect((await countsOf(pair, 't', [])).lines).toEqual(['all 2:3']);
  });

  test('hold rows whose key is NULL, of a partitioned table on one side, under odd names', async () => {
    await pair.source.query(`create table "odd ""Name" ("a ""b" int unique, "Group" text);
      insert into "odd ""Name" values (1, 'x'), (null, 'x'), (null, null)`);
    await pair.target.query(`create table "odd ""Name" ("a ""b" int, "The Group" text) partition by list ("The Group");
      create table p1 partition of "odd ""Name" for values in ('x'); create table p2 partition of "odd ""Name" default;
      insert into "odd ""Name" values (1, 'x'), (null, 'x'), (null, 'y')`);
    const columns = { Group: 'The Group' };
    expect(await countsOf(pair, 'odd "Name', ['Group'], { columns })).toMatchObject({
      lines: ['NULL 1:0', 'y 0:1'],
      rows: { source: 3, target: 3 },
      detail: 'counted, not compared: 3 rows in the source, 3 in the target; 3 groups by Group, 2 differ',
    });
  });

  test('by group are those of the same values, whatever types and collations hold them', async () => {
    await pair.source.query(`create table t (id int, a numeric(10, 3), b text collate "C", at timestamp);
      insert into t values (1, 1.500, 'ß', '2024-01-01 23:30'), (2, 'NaN', 'Z', null), (3, null, '', '2024-01-02')`);
    await pair.target
      .query(`create collation anycase (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
      create table t (id bigint, a numeric, b text collate anycase, at timestamptz);
      insert into t values (1, 1.5, 'ß', '2024-01-01 23:30+00'), (2, 'NaN', 'z', null), (3, null, '', '2024-01-02 00:00+00')`);
    for (const groupBy of [['a'], ['at'], ['date(at)'], ['id', 'a', 'at'], ['id % 2'], ['b is null', 'a > 1']]) {
      expect({ groupBy, lines: (await countsOf(pair, 't', groupBy)).lines }).toEqual({ groupBy, lines: [] });
    }
    expect((await countsOf(pair, 't', ['b'])).lines).toEqual(['Z 1:0', 'z 0:1']);
  });

  test('are streamed, however many groups there are', async () => {
    await pair.both(`create table t (id int primary key, a int, b text);
      insert into t select i, case when i % 10 > 0 then i end, 'b' || i from generate_series(1, 30000) i`);
    await pair.target.query(`delete from t where id in (1, 15000, 29999); update t set b = 'c' where id = 7`);
    const { lines, detail } = await countsOf(pair, 't', ['a', 'b']);
    expect(lines).toEqual(
      ['1|b1 1:0', '15000|b15000 0:0', '29999|b29999 1:0', '7|b7 1:0', '7|c 0:1', 'all 30000:29997']
        .filter((line) => !line.startsWith('15000'))
        .concat('NULL|b15000 1:0')
        .sort(),
    );
    expect(detail).toContain('30001 groups by a, b, 5 differ');
  });

  test.each([
    [
      'nothing',
      'COLUMN_NOT_FOUND',
      /checks.groupBy: "nothing": column "nothing" does not exist in the (source|target).*columns on both sides.*id, a/,
    ],
    ['date(a)', 'CONFIG_INVALID', /"date\(a\)": function .*date\(integer\) does not exist/],
    ['count(*)', 'CONFIG_INVALID', /aggregate functions are not allowed/],
    ['generate_series(1, a)', 'CONFIG_INVALID', /set-returning functions are not allowed/],
    ['row_number() over ()', 'CONFIG_INVALID', /window functions are not allowed/],
    ['a; drop table t; --', 'CONFIG_INVALID', /there is a second statement/],
    ['a) -- ', 'CONFIG_INVALID', /parenthesis/],
    ['kind', 'COLUMNS_INCOMPARABLE', /integer in the source, jsonb in the target/],
  ])('by %j are refused with %s', async (name, code, message) => {
    await pair.source.query('create table t (id int primary key, a int, kind int)');
    await pair.target.query('create table t (id int primary key, a int, kind jsonb)');
    await expect(countsOf(pair, 't', [name])).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  test('of a table that one side no longer has fail with a typed error', async () => {
    await pair.both('create table t (id int primary key)');
    const { comparison, sides } = await pair.inspect('t');
    await pair.target.query('drop table t');
    const counting = countRows({ comparison, sides, grouping: ONE_GROUP, high: 1 }, async () => undefined);
    await expect(counting).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
  });
});

test('counts by group agree between PostgreSQL 14 and 18, and other encodings and collations', async () => {
  const servers = await TwoServers.start('detect_counts_servers');
  try {
    await servers.pair.both(`create table t (id int primary key, a text, b float8, c interval);
      insert into t select i, (array['ä', 'z', 'Z', '', '😀', null])[i % 6 + 1], i % 3 / 10.0::float8, i % 4 * interval '1 day' from generate_series(1, 500) i`);
    expect((await countsOf(servers.pair, 't', ['a', 'b', 'c', 'lower(a)'])).lines).toEqual([]);
    await servers.pair.target.query(`delete from t where id = 6`);
    expect((await countsOf(servers.pair, 't', ['a'])).lines).toEqual(['all 500:499', 'ä 83:82']);
  } finally {
    await servers.remove();
  }
});
