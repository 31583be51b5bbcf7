import { TwoServers } from '../support/two-servers';

const MOODS = `create type mood as enum ('sad', 'ok', 'happy', 'ä', 'Z')`;
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
const days = (n: number) => range(1, n).map((day) => `2024-05-${day.padStart(2, '0')}`);

interface KeyCase {
  readonly name: string;
  readonly types: readonly [source: string, target: string];
  readonly kinds: readonly string[];
  /** Values of both sides, with the text that the target's has where it is another one. */
  readonly common: readonly (string | readonly [source: string, target: string])[];
  /** On the source only, on the target only, and the one of `common` whose row is made to differ: in the common form. */
  readonly missing: string;
  readonly extra: string;
  readonly changed: string;
  /** Its place in `common`, where its text there is another one. */
  readonly changedAt?: number;
  readonly setup?: string;
}

const one = (type: string): readonly [string, string] => [type, type];
const [LEAST, MOST] = ['-9223372036854775808', '9223372036854775807'];

const CASES: readonly KeyCase[] = [
  {
    name: 'bigint to both ends of its range',
    types: one('int8'),
    kinds: ['range'],
    common: [LEAST, '-9223372036854775807', ...range(-9, 9), '9223372036854775806'],
    missing: MOST,
    extra: '4611686018427387904',
    changed: LEAST,
  },
  {
    name: 'int and bigint',
    types: ['int4', 'int8'],
    kinds: ['range'],
    common: ['-2147483648', ...range(-9, 9)],
    missing: '2147483647',
    extra: '2147483648',
    changed: '-2147483648',
  },
  {
    name: 'smallint and numeric',
    types: ['int2', 'numeric(9,2)'],
    kinds: ['buckets'],
    common: ['-32768', ...range(-9, 9)],
    missing: '32767',
    extra: '1.5',
    changed: '-32768',
  },
  {
    name: 'bigint and text',
    types: ['int8', 'text'],
    kinds: ['buckets'],
    common: [MOST, ...range(-9, 9)],
    missing: LEAST,
    extra: '007',
    changed: MOST,
  },
  {
    name: 'numeric with other scales, and NaN',
    types: ['numeric(9,1)', 'numeric(20,4)'],
    kinds: ['range'],
    common: ['NaN', ...range(-9, 9), ['0.5', '0.5000'], ['-1.5', '-1.50']],
    missing: '99.9',
    extra: '99.9001',
    changed: 'NaN',
  },
  {
    name: 'float with -0 and NaN',
    types: one('float8'),
    kinds: ['range'],
    common: [['-0', '0'], 'NaN', 'Infinity', '-Infinity', '0.1', ...range(1, 9)],
    missing: '0.30000000000000004',
    extra: '0.3',
    changed: '0',
  },
  {
    name: 'float and numeric, to the last digit',
    types: ['float8', 'numeric'],
    kinds: ['buckets'],
    common: ['0.1', '0.3', '0.30000000000000004', ...range(1, 9)],
    missing: '0.0000001',
    extra: '0.3000000000000001',
    changed: '0.30000000000000004',
  },
  {
    name: 'timestamptz with infinity and BC',
    types: one('timestamptz'),
    kinds: ['range'],
    common: ['infinity', '0044-03-15 12:00:00+00 BC', ...days(9).map((day) => `${day} 10:00:00.000001+00`)],
    missing: '-infinity',
    extra: '0001-01-01 00:00:00+00 BC',
    changed: '0044-03-15 12:00:00+00 BC',
  },
  {
    name: 'timestamp and timestamptz',
    types: ['timestamp', 'timestamptz'],
    kinds: ['buckets'],
    common: days(9).map((day): [string, string] => [`${day} 10:00:00`, `${day} 15:45:00+05:45`]),
    missing: '2024-06-01 00:00:00+00',
    extra: '2024-06-02 00:00:00+00',
    changed: '2024-05-03 10:00:00+00',
    changedAt: 2,
  },
  {
    name: 'date with infinity and BC',
    types: one('date'),
    kinds: ['range'],
    common: ['-infinity', '0044-03-15 BC', ...days(9)],
    missing: 'infinity',
    extra: '0044-03-16 BC',
    changed: '-infinity',
  },
  {
    name: 'time with time zone',
    types: one('timetz'),
    kinds: ['range'],
    common: range(10, 20).map((hour) => `${hour}:00:00+00`),
    missing: '10:00:00+01',
    extra: '11:00:00+02',
    changed: '13:00:00+00',
  },
  {
    name: 'bytea',
    types: one('bytea'),
    kinds: ['range'],
    common: ['\\x', '\\x00', '\\xff', ...range(10, 30).map((n) => `\\x${n}`)],
    missing: '\\x0000',
    extra: '\\xff00',
    changed: '\\x',
  },
  {
    name: 'uuid',
    types: one('uuid'),
    kinds: ['range'],
    common: range(10, 30).map((n) => `a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a${n}`),
    missing: '00000000-0000-0000-0000-000000000000',
    extra: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
    changed: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  },
  {
    name: 'uuid and text',
    types: ['uuid', 'text'],
    kinds: ['buckets'],
    common: range(10, 30).map((n) => `a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a${n}`),
    missing: '00000000-0000-0000-0000-000000000000',
    extra: 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
    changed: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  },
  {
    name: 'inet',
    types: one('inet'),
    kinds: ['range'],
    common: range(1, 20).map((n) => `10.0.0.${n}/32`),
    missing: '10.0.0.0/8',
    extra: '::1/128',
    changed: '10.0.0.7/32',
  },
  {
    name: 'boolean',
    types: one('bool'),
    kinds: ['range'],
    common: [],
    missing: 'true',
    extra: 'false',
    changed: '',
  },
  {
    name: 'interval, whose equal lengths are many texts',
    types: one('interval'),
    kinds: ['buckets'],
    common: range(2, 11).map((n) => `${n} mons`),
    missing: '1 day',
    extra: '24:00:00',
    changed: '2 mons',
  },
  {
    name: 'char(n) padded to other lengths, in databases that sort differently',
    types: ['char(5)', 'char(9)'],
    kinds: ['buckets'],
    common: ['a', 'ä', 'Z', 'z', '', 'ab c', ...range(1, 9)],
    missing: ' a',
    extra: 'A',
    changed: 'ä',
  },
  {
    name: 'char(n) padded to other lengths, in one collation',
    types: ['char(5) collate "de-x-icu"', 'char(9)  collate "de-x-icu"'],
    kinds: ['range'],
    common: ['a', 'ä', 'Z', 'z', '', 'ab c', ...range(1, 9)],
    missing: ' a',
    extra: 'A',
    changed: 'ä',
  },
  {
    name: 'char(n) and varchar',
    types: ['char(5)', 'varchar(9)'],
    kinds: ['buckets'],
    common: ['a', 'ä', 'Z', 'z', ...range(1, 9)],
    missing: ' a',
    extra: 'b ',
    changed: 'ä',
  },
  {
    name: 'citext',
    types: one('citext'),
    setup: 'create extension citext schema public',
    kinds: ['buckets'],
    common: ['a', 'ä', 'Z', ...range(1, 9)],
    missing: 'q',
    extra: 'Q',
    changed: 'Z',
  },
  {
    name: 'a domain over an integer, and the integer',
    types: ['number', 'int4'],
    setup: 'create domain number as int8 check (value > -100)',
    kinds: ['range'],
    common: range(-9, 9),
    missing: '77',
    extra: '78',
    changed: '-9',
  },
  {
    name: 'a domain over a domain over text',
    types: one('code'),
    setup: 'create domain base as text collate "C"; create domain code as base',
    kinds: ['range'],
    common: ['a', 'ä', 'Z', 'z', ...range(1, 9)],
    missing: 'Ä',
    extra: '_',
    changed: 'ä',
  },
  {
    name: 'an enum of the same labels in the same order, under another name of its type',
    types: ['mood', 'feeling'],
    setup: `${MOODS}; create type feeling as enum ('sad', 'ok', 'happy', 'ä', 'Z')`,
    kinds: ['range'],
    common: ['ä', 'sad', 'happy'],
    missing: 'ok',
    extra: 'Z',
    changed: 'sad',
  },
  {
    name: 'an enum of the same labels in another order',
    types: ['mood', 'feeling'],
    setup: `${MOODS}; create type feeling as enum ('Z', 'ok', 'ä', 'happy', 'sad')`,
    kinds: ['buckets'],
    common: ['ä', 'sad', 'happy'],
    missing: 'ok',
    extra: 'Z',
    changed: 'sad',
  },
  {
    name: 'an enum, and a text that holds more than its labels',
    types: ['mood', 'text'],
    setup: MOODS,
    kinds: ['buckets'],
    common: ['ä', 'sad', 'happy'],
    missing: 'ok',
    extra: 'none',
    changed: 'sad',
  },
  {
    name: 'a type that is compared by its text',
    types: one('pg_lsn'),
    kinds: ['buckets'],
    common: range(1, 20).map((n) => `${Number(n).toString(16).toUpperCase()}/0`),
    missing: 'FFFFFFFF/FFFFFFFF',
    extra: '0/1',
    changed: '7/0',
  },
];

describe('keys on two servers that differ in version, collation and time zone', () => {
  let servers: TwoServers;
  beforeAll(async () => {
    servers = await TwoServers.start('keys');
  });
  afterAll(() => servers.remove());
  afterEach(() => servers.clean());
  const both = (sql: string) => servers.pair.both(sql);

  it.each(CASES)('$name', async ({ name, types, kinds, common, missing, extra, changed, changedAt, setup }) => {
    if (setup !== undefined) await both(setup);
    const values = { source: [] as string[], target: [] as string[] };
    for (const value of common) {
      const [source, target] = typeof value === 'string' ? [value, value] : value;
      values.source.push(source);
      values.target.push(target);
    }
    values.source.push(missing);
    values.target.push(extra);
    for (const [i, role] of (['source', 'target'] as const).entries()) {
      const type = types[i] ?? '';
      const bare = type.replace(/ collate .*/, '');
      await servers.pair[role].query(`create table t (v text default 'same', k ${type} primary key)`);
      await servers.pair[role].query(`insert into t (k) select v::${bare} from unnest($1::text[]) as u(v)`, [
        values[role],
      ]);
    }
    const place = changedAt ?? common.findIndex((value) => (typeof value === 'string' ? value : value[1]) === changed);
    const target = types[1].replace(/ collate .*/, '');
    await servers.pair.target.query(`update t set v = 'changed' where k = $1::text::${target}`, [
      values.target[place] ?? extra,
    ]);
    const found = await servers.found('t');
    const key = (value: string) => JSON.stringify([value]);
    expect(found.names).toEqual(
      [
        // What its own type calls one key is one row.
        ...(/^(interval|citext)/.test(name)
          ? [`field_mismatch ${key(missing)} k`]
          : [`extra_in_target ${key(extra)}`, `missing_in_target ${key(missing)}`]),
        ...(common.length === 0 ? [] : [`field_mismatch ${key(changed)} v`]),
      ].sort(),
    );
    expect(found.kinds).toEqual(kinds);
  });

  describe('of several columns', () => {
    const ROWS = `insert into t (a, b, c) select i % 5, 'x' || i % 7, i from generate_series(1, 35) as i`;

    it('in an order other than the index has them: the index is used', async () => {
      await both(`create table t (b text collate "C", c int, a int8, primary key (a, b)); ${ROWS}`);
      await servers.pair.target.query(
        `update t set c = 0 where (a, b) = (3, 'x4'); delete from t where (a, b) = (0, 'x0')`,
      );
      const { names, kinds } = await servers.found('t', { key: ['b', 'a'] });
      expect(names).toEqual(['field_mismatch ["3","x4"] c', 'missing_in_target ["0","x0"]']);
      expect(kinds).toEqual(['range']);
    });

    it('in indexes of the two sides in different orders', async () => {
      await servers.pair.source.query(`create table t (a int, b text collate "C", c int, primary key (a, b)); ${ROWS}`);
      await servers.pair.target.query(`create table t (a int, b text collate "C", c int, primary key (b, a)); ${ROWS}`);
      await servers.pair.target.query(`update t set c = 0 where (a, b) = (3, 'x4')`);
      const { names, kinds } = await servers.found('t');
      expect(names).toEqual(['field_mismatch ["3","x4"] c']);
      expect(kinds).toEqual(['buckets']);
      expect((await servers.pair.inspect('t')).comparison.notes).toEqual([
        'compared by hash of the key (a, b): the indexes of the two sides have different orders',
      ]);
    });

    it('of which one sorts differently, and one has another type', async () => {
      await servers.pair.source.query(`create table t (a int, b text, c int, primary key (a, b)); ${ROWS}`);
      await servers.pair.target.query(`create table t (a numeric, b varchar(9), c int, primary key (a, b)); ${ROWS}`);
      await servers.pair.target.query(`update t set b = 'X4' where (a, b) = (3, 'x4')`);
      expect((await servers.found('t')).names).toEqual(['extra_in_target ["3","X4"]', 'missing_in_target ["3","x4"]']);
    });

    it('are told apart however their texts join', async () => {
      await both(`create table t (a text, b text, c int, primary key (a, b))`);
      await servers.pair.source.query(
        `insert into t values ('x', 'yz', 1), ('","', '', 1), ('', '","', 1), ('\\', '\\\\', 1)`,
      );
      await servers.pair.target.query(
        `insert into t values ('xy', 'z', 1), ('","', '', 1), ('', '","', 1), ('\\\\', '\\', 1)`,
      );
      expect((await servers.found('t')).names).toEqual(
        [
          'extra_in_target ["xy","z"]',
          'missing_in_target ["x","yz"]',
          'extra_in_target ["\\\\\\\\","\\\\"]',
          'missing_in_target ["\\\\","\\\\\\\\"]',
        ].sort(),
      );
    });
  });

  describe('that nobody named', () => {
    const damage = `update t set c = 0 where b = 'x3'`;

    it('are a unique index, rather one that both sides have, and one that is never NULL', async () => {
      await servers.pair.source.query(`create table t (a int unique, b text not null unique, c int unique)`);
      await servers.pair.target.query(`create table t (a int unique, b text not null unique, c int)`);
      await both(`insert into t select i, 'x' || i, i from generate_series(1, 20) as i`);
      await servers.pair.target.query(damage);
      expect((await servers.pair.inspect('t')).comparison.key.map(({ source }) => source)).toEqual(['b']);
      expect((await servers.found('t')).names).toEqual(['field_mismatch ["x3"] c']);
    });

    it('are the primary key of the other side, by its names', async () => {
      await servers.pair.source.query(`create table t (id int, b text, c int)`);
      await servers.pair.target.query(`create table t ("No" int primary key, id text, c int)`);
      await both(`insert into t select i, 'x' || i, i from generate_series(1, 20) as i`);
      await servers.pair.target.query(`update t set c = 0 where id = 'x3'`);
      const { names } = await servers.found('t', { columns: { id: 'No', b: 'id' } });
      expect(names).toEqual(['field_mismatch ["3"] c']);
    });

    it('are none that is excluded, deferred to an expression or of some rows only', async () => {
      await both(`create table t (a int not null unique, b text, c int); create unique index on t (lower(b));
        create unique index on t (c) where c > 0; insert into t select i, 'x' || i, i from generate_series(1, 20) as i`);
      const { comparison } = await servers.pair.inspect('t', { exclude: ['a'] });
      expect(comparison.key).toEqual([]);
      expect(comparison.keyOrigin).toBe('none');
    });
  });

  describe('along an index', () => {
    it.each([
      ['descending', 'create unique index on t (a desc, b desc)', 'range'],
      ['of mixed directions', 'create unique index on t (a, b desc)', 'buckets'],
      ['with columns beside the key', 'create unique index on t (a, b) include (c)', 'range'],
      ['over more columns', 'create unique index on t (b, a); create index on t (a, b, c)', 'range'],
      ['of patterns', 'create unique index on t (a, b text_pattern_ops)', 'buckets'],
    ])('%s', async (_, index, kind) => {
      await both(`create table t (a int not null, b text collate "C" not null, c int); ${index};
        insert into t select i % 5, 'x' || i, i from generate_series(1, 35) as i`);
      await servers.pair.target.query(`update t set c = 0 where b = 'x3'; delete from t where b = 'x30'`);
      const { names, kinds } = await servers.found('t', { key: ['a', 'b'] });
      expect(names.map((name) => name.replace(/\["(\d)","(x\d+)"\]|\["(x\d+)","(\d)"\]/, '$1$4 $2$3'))).toEqual([
        'field_mismatch 3 x3 c',
        'missing_in_target 0 x30',
      ]);
      expect(kinds).toEqual([kind]);
    });
  });
});
