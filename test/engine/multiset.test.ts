import { planChunks } from '../../engine/plan-chunks';
import { assertCorrectable } from '../../engine/apply';
import { TwoServers, type Found } from '../support/two-servers';

/** Differences as `type {values} source:target`, sorted. */
function countsOf({ differences }: Found): string[] {
  return differences
    .map(({ type, key, counts }) => {
      const values = Object.values(key).map((value) => value ?? 'NULL');
      return `${type} ${values.join('|')} ${counts ? `${counts.source}:${counts.target}` : 'by key'}`;
    })
    .sort();
}

describe('rows that no key tells apart', () => {
  let servers: TwoServers;
  beforeAll(async () => {
    servers = await TwoServers.start('multiset');
  });
  afterAll(() => servers.remove());
  afterEach(() => servers.clean());
  const both = (sql: string) => servers.pair.both(sql);

  describe('of a table without a key', () => {
    it('are counted where they are equal, NULLs too', async () => {
      await both(`create table t (a int, b text, c numeric);
        insert into t select i % 10, 'x' || i % 3, i % 5 from generate_series(1, 3000) as i;
        insert into t values (null, null, null), (1, null, 1.0), (1, '', 1), (1, 'NULL', 1)`);
      await servers.pair.source.query(
        `insert into t values (7, 'dup', 1), (7, 'dup', 1.0), (7, 'dup', 1.00), (8, 'ä', null), (null, null, null)`,
      );
      await servers.pair.target.query(`insert into t values (7, 'dup', 1.000), (9, null, 'NaN'), (9, null, 'NaN')`);
      const found = await servers.found('t');
      expect(countsOf(found)).toEqual([
        'extra_in_target 9|NULL|NaN 0:2',
        'missing_in_target 7|dup|1 3:1',
        'missing_in_target 8|ä|NULL 1:0',
        'missing_in_target NULL|NULL|NULL 2:1',
      ]);
      expect(found.kinds).toEqual(['multiset']);
    });

    it('with the values of both sides, and none of a side that has none', async () => {
      await servers.pair.source.query('create table t (a int, b text); insert into t values (1, null)');
      await servers.pair.target.query('create table t (x int, b text); insert into t values (2, null), (2, null)');
      const { differences } = await servers.found('t', { columns: { a: 'x' } });
      expect(differences.map(({ source, target, counts }) => ({ source, target, counts }))).toEqual(
        expect.arrayContaining([
          { source: { a: '1', b: null }, target: null, counts: { source: 1, target: 0 } },
          { source: null, target: { x: '2', b: null }, counts: { source: 0, target: 2 } },
        ]),
      );
    });

    it.each([
      ['both empty', '', '', []],
      ['an empty target', '(1), (1), (2)', '', ['missing_in_target 1 2:0', 'missing_in_target 2 1:0']],
      ['an empty source', '', '(null)', ['extra_in_target NULL 0:1']],
      [
        'equal counts of other rows',
        '(1), (1), (2)',
        '(1), (2), (2)',
        ['extra_in_target 2 1:2', 'missing_in_target 1 2:1'],
      ],
      ['the same rows in another order', '(1), (2), (3)', '(3), (1), (2)', []],
      [
        'NULL and no value that stands for it',
        '(null)',
        '(0)',
        ['extra_in_target 0 0:1', 'missing_in_target NULL 1:0'],
      ],
    ])('%s', async (_, source, target, expected) => {
      await both('create table t (a int)');
      if (source !== '') await servers.pair.source.query(`insert into t values ${source}`);
      if (target !== '') await servers.pair.target.query(`insert into t values ${target}`);
      expect(countsOf(await servers.found('t'))).toEqual(expected);
    });

    it('by every type of value, in the common type of both sides', async () => {
      await servers.pair.source
        .query(`create table t (i int2, n numeric, f float4, d timestamp, j jsonb, b bytea, c char(5), e text);
        insert into t values (1, 1.50, '-0', '2024-05-05 10:00:00', '{"b": 1, "a": 2}', '\\x00', 'a', 'same'),
                             (1, 1.50, '-0', '2024-05-05 10:00:00', '{"b": 1, "a": 2}', '\\x00', 'a', 'other')`);
      await servers.pair.target
        .query(`create table t (i int8, n numeric(9,4), f float8, d timestamptz, j jsonb, b bytea, c char(9), e text);
        insert into t values (1, 1.5, '0', '2024-05-05 12:00:00+02', '{"a": 2, "b": 1}', '\\x00', 'a  ', 'same')`);
      expect(countsOf(await servers.found('t'))).toEqual([
        'missing_in_target 1|1.5|0|2024-05-05 10:00:00+00|{"a": 2, "b": 1}|\\x00|a|other 1:0',
      ]);
    });

    it('exactly, which the notes say of columns whose equal values have several texts', async () => {
      await both('create table t (i int, j jsonb, n numeric)');
      await servers.pair.source.query(`insert into t values (1, '1.0', 1)`);
      await servers.pair.target.query(`insert into t values (1, '1', 1)`);
      expect(countsOf(await servers.found('t'))).toEqual([
        'extra_in_target 1|1|1 0:1',
        'missing_in_target 1|1.0|1 1:0',
      ]);
      expect((await servers.pair.inspect('t')).comparison.notes).toContain(
        'where rows are counted, values are equal only where their texts are, of j too',
      );
    });

    it('without excluded columns, and of the rows that pass the filter', async () => {
      await both(`create table t (a int, b timestamptz, c bool);
        insert into t select i % 4, null, i % 2 = 0 from generate_series(1, 40) as i`);
      await servers.pair.target.query(
        'update t set b = now(); delete from t where a = 3; insert into t values (2, null, true)',
      );
      expect(countsOf(await servers.found('t', { exclude: ['b'], where: 'c' }))).toEqual([
        'extra_in_target 2|true 10:11',
      ]);
    });

    it('when two texts differ that the collation of a side takes for one', async () => {
      const INSENSITIVE = `create collation folded (provider = icu, locale = 'de-u-ks-level2', deterministic = false)`;
      await both(`${INSENSITIVE}; create table t (a text collate folded)`);
      await servers.pair.source.query(`insert into t values ('A'), ('a'), ('a')`);
      await servers.pair.target.query(`insert into t values ('A'), ('A'), ('a')`);
      expect(countsOf(await servers.found('t'))).toEqual(['extra_in_target A 1:2', 'missing_in_target a 2:1']);
    });

    it('are never corrected, and do not keep other tables from it', async () => {
      await both('create table t (a int)');
      const { comparison } = await servers.pair.inspect('t');
      expect(() => assertCorrectable(comparison)).not.toThrow();
      expect(comparison.notes).toEqual([
        'no key: equal rows are counted on both sides, and what differs is not corrected',
      ]);
    });

    it('of which no column is left to compare are refused', async () => {
      await both('create table t (a int)');
      await expect(servers.pair.inspect('t', { exclude: ['a'] })).rejects.toMatchObject({ code: 'KEY_UNUSABLE' });
    });
  });

  describe('as their unique key is NULL', () => {
    it('are counted beside the rows that have one', async () => {
      await both(`create table t (k int unique, a text);
        insert into t select i, 'a' from generate_series(1, 30) as i;
        insert into t values (null, 'x'), (null, 'x'), (null, null)`);
      await servers.pair.target.query(
        `update t set a = 'b' where k = 7; delete from t where k = 8; insert into t values (null, 'x'), (null, 'y')`,
      );
      const found = await servers.found('t');
      expect(countsOf(found)).toEqual([
        'extra_in_target NULL|x 2:3',
        'extra_in_target NULL|y 0:1',
        'field_mismatch 7 by key',
        'missing_in_target 8 by key',
      ]);
      expect(found.kinds).toEqual(['range', 'nulls']);
    });

    it('in one of several columns', async () => {
      await both(`create table t (a int, b text collate "C", c int, unique (a, b));
        insert into t select i % 5, 'x' || i, i from generate_series(1, 40) as i;
        insert into t values (1, null, 1), (1, null, 1), (null, 'x1', 1), (null, null, 1), (9, null, 1), (-9, null, 1)`);
      await servers.pair.source.query(`insert into t values (1, null, 2), (null, 'x0', 1)`);
      await servers.pair.target.query(
        `delete from t where a = 9; insert into t values (null, 'x1', 1), (100, null, 3)`,
      );
      await servers.pair.target.query(`update t set c = 0 where a = 3 and b = 'x3'`);
      const found = await servers.found('t');
      expect(countsOf(found)).toEqual([
        'extra_in_target 100|NULL|3 0:1',
        'extra_in_target NULL|x1|1 1:2',
        'field_mismatch 3|x3 by key',
        'missing_in_target 1|NULL|2 1:0',
        'missing_in_target 9|NULL|1 1:0',
        'missing_in_target NULL|x0|1 1:0',
      ]);
      expect(found.kinds).toEqual(['range', 'nulls']);
    });

    it('with a key that the config names, in buckets', async () => {
      await both(`create table t (id int primary key, k text unique, a int);
        insert into t select i, case when i % 10 > 0 then 'x' || i end, i from generate_series(1, 40) as i`);
      await servers.pair.target.query('update t set a = 0 where id in (10, 11)');
      const found = await servers.found('t', { key: ['k'] });
      expect(countsOf(found)).toEqual([
        'extra_in_target NULL|10|0 0:1',
        'field_mismatch x11 by key',
        'missing_in_target NULL|10|10 1:0',
      ]);
      expect(found.kinds).toEqual(['buckets', 'nulls']);
    });

    it('on one side, where the other has a primary key', async () => {
      await servers.pair.source.query('create table t (k int unique, a text)');
      await servers.pair.target.query('create table t (k int primary key, a text)');
      await both(`insert into t select i, 'a' from generate_series(1, 30) as i`);
      await servers.pair.source.query(`insert into t values (null, 'lost'), (null, 'lost')`);
      expect(countsOf(await servers.found('t'))).toEqual(['missing_in_target NULL|lost 2:0']);
    });

    it('which only one row may be, by PostgreSQL 15 and later', async () => {
      await servers.pair.source.query('create table t (k int unique, a text)');
      await servers.pair.target.query('create table t (k int unique nulls not distinct, a text)');
      await both(`insert into t values (1, 'a'), (null, 'b')`);
      expect(countsOf(await servers.found('t'))).toEqual([]);
    });

    it('although the column says NOT NULL, as earlier rows were never checked', async () => {
      await both(`create table t (k int unique, a text); insert into t values (1, 'a'), (null, 'a')`);
      await servers.pair.target.query('alter table t add constraint given not null k not valid');
      await servers.pair.source.query(`delete from t where k is null; alter table t alter k set not null`);
      expect(countsOf(await servers.found('t'))).toEqual(['extra_in_target NULL|a 0:1']);
    });
  });

  describe('as their key repeats', () => {
    it('on the side whose catalog does not forbid it are counted', async () => {
      await servers.pair.source.query('create table t (k int primary key, a text)');
      await servers.pair.target.query('create table t (k int, a text)');
      await both(`insert into t select i, 'a' from generate_series(1, 30) as i`);
      await servers.pair.target.query(`insert into t values (7, 'a'), (8, 'b'), (null, 'c')`);
      const found = await servers.found('t');
      expect(countsOf(found)).toEqual([
        'extra_in_target 7|a 1:2',
        'extra_in_target 8|b 0:1',
        'extra_in_target NULL|c 0:1',
      ]);
      expect(found.kinds).toEqual(['multiset']);
    });

    it('are matched by it while it does not', async () => {
      await servers.pair.source.query('create table t (k int primary key, a text)');
      await servers.pair.target.query('create table t (k int, a text)');
      await both(`insert into t select i, 'a' from generate_series(1, 30) as i`);
      await servers.pair.target.query(
        `insert into t values (null, 'c'), (null, 'c'); update t set a = 'b' where k = 7`,
      );
      const found = await servers.found('t');
      expect(countsOf(found)).toEqual(['extra_in_target NULL|c 0:2', 'field_mismatch 7 by key']);
      expect(found.kinds).toEqual(['buckets', 'nulls']);
    });

    it.each([
      ['repeats', '(1), (1)', 'is not unique'],
      ['is NULL', '(1), (null)', 'is NULL for some rows'],
    ])('are refused where the config names it: it %s', async (_, values, why) => {
      await servers.pair.source.query('create table t (k int primary key)');
      await servers.pair.target.query(`create table t (k int); insert into t values ${values}`);
      const { comparison, sides } = await servers.pair.inspect('t', { key: ['k'] });
      await expect(planChunks(comparison, sides, 10)).rejects.toMatchObject({
        code: 'KEY_UNUSABLE',
        message: `table t: key (k) ${why} in the target`,
      });
    });
  });
});
