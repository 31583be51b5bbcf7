import { compareChunk } from '../../engine/compare-chunk';
import { planChunks, thinBoundaries } from '../../engine/plan-chunks';
import { EnginePair, findDifferences, namesOf, type Inspected } from '../support/engine';

describe('comparing tables that are hard to compare', () => {
  let pair: EnginePair;
  beforeAll(async () => {
    pair = await EnginePair.create('compare', { sourceOptions: `encoding 'UTF8' locale 'C'` });
  });
  afterAll(() => pair.drop());

  /** Makes a table on both sides, changes the target, and names the differences for every chunk size. */
  async function found(
    schema: string,
    rows: string,
    damage: string,
    options: Parameters<EnginePair['inspect']>[1] & { readonly table?: string } = {},
  ) {
    await pair.both(`${schema}; ${rows}`);
    await pair.target.query(damage === '' ? 'select 1' : damage);
    const inspected = await pair.inspect(options.table ?? 't', options);
    const names = namesOf(await findDifferences(inspected, 1_000));
    for (const chunkRows of [1, 7]) expect(namesOf(await findDifferences(inspected, chunkRows))).toEqual(names);
    return names;
  }
  afterEach(() => pair.both('drop schema public cascade; create schema public'));

  describe('rows that swap a value', () => {
    const SUM = 'select sum(hash_record_extended(row(id, a), 0)) as sum from t';

    it('are found, where a plain sum of record hashes is the same on both sides', async () => {
      const names = await found(
        'create table t (id int primary key, a int)',
        'insert into t values (1, 10), (2, 20), (3, 30)',
        'update t set a = 30 - a where id in (1, 2)',
      );
      expect(await pair.source.query(SUM)).toEqual(await pair.target.query(SUM));
      expect(names).toEqual(['field_mismatch ["1"] a', 'field_mismatch ["2"] a']);
    });

    it('are found when they swap all their values', async () => {
      const names = await found(
        'create table t (id int primary key, a text, b numeric)',
        `insert into t select i, 'a' || i, i from generate_series(1, 100) as i`,
        `update t set a = 'a' || (101 - id), b = 101 - id where id in (50, 51)`,
      );
      expect(names).toEqual(['field_mismatch ["50"] a b', 'field_mismatch ["51"] a b']);
    });

    it('are found within one row, between two columns', async () => {
      const rows = 'insert into t values (1, 10, 20), (2, 5, 5)';
      const names = await found('create table t (id int primary key, a int, b int)', rows, 'update t set a = b, b = a');
      expect(names).toEqual(['field_mismatch ["1"] a b']);
    });
  });

  describe('few rows', () => {
    const SCHEMA = 'create table t (id int8 primary key, a text)';

    it('both sides empty', async () => expect(await found(SCHEMA, '', '')).toEqual([]));
    it('an empty target', async () =>
      expect(await found(SCHEMA, `insert into t values (-5, 'a'), (5, null)`, 'delete from t')).toEqual([
        'missing_in_target ["-5"]',
        'missing_in_target ["5"]',
      ]));
    it('an empty source', async () =>
      expect(await found(SCHEMA, '', `insert into t values (1, 'a')`)).toEqual(['extra_in_target ["1"]']));
    it('one row, alike', async () => expect(await found(SCHEMA, `insert into t values (1, 'a')`, '')).toEqual([]));
    it('one row, different', async () =>
      expect(await found(SCHEMA, `insert into t values (1, 'a')`, 'update t set a = null')).toEqual([
        'field_mismatch ["1"] a',
      ]));
    it('the least and the greatest bigint, and nothing between', async () =>
      expect(
        await found(
          SCHEMA,
          `insert into t values (-9223372036854775808, 'a'), (9223372036854775807, 'b'), (0, 'c')`,
          `delete from t where id < 0; update t set a = 'x' where id > 0`,
        ),
      ).toEqual(['field_mismatch ["9223372036854775807"] a', 'missing_in_target ["-9223372036854775808"]']));
    it.each(['-9223372036854775808', '9223372036854775807', '9223372036854775744'])('only %s', async (id) =>
      expect(await found(SCHEMA, `insert into t values (${id}, 'a')`, `update t set a = 'b'`)).toEqual([
        `field_mismatch ["${id}"] a`,
      ]),
    );
    it('ids with wide gaps', async () =>
      expect(
        await found(
          SCHEMA,
          `insert into t select i * 1000000000000 + i % 3, 'a' from generate_series(1, 200) as i`,
          `delete from t where id = 77000000000002; insert into t values (1, 'b'), (500000000000000, 'c')`,
        ),
      ).toEqual([
        'extra_in_target ["1"]',
        'extra_in_target ["500000000000000"]',
        'missing_in_target ["77000000000002"]',
      ]));
  });

  it('finds rows that came beyond the outer boundaries after the chunks were planned', async () => {
    await pair.both('create table t (id int primary key); insert into t select generate_series(100, 200)');
    const { comparison, sides } = await pair.inspect('t');
    const chunks = await planChunks(comparison, sides, 10);
    await pair.source.query('insert into t values (1), (1000)');
    await pair.target.query('insert into t values (2), (-2147483648), (2147483647), (150000)');
    const keys: string[] = [];
    for (const chunk of chunks) {
      await compareChunk(comparison, sides, chunk, async (found) => void keys.push(...namesOf(found)));
    }
    expect(keys.sort()).toEqual([
      'extra_in_target ["-2147483648"]',
      'extra_in_target ["150000"]',
      'extra_in_target ["2"]',
      'extra_in_target ["2147483647"]',
      'missing_in_target ["1"]',
      'missing_in_target ["1000"]',
    ]);
  });

  it('counts the rows of each side, and hands differences on in batches', async () => {
    await pair.both(
      'create table t (id int primary key, a int); insert into t select i, i from generate_series(1, 1700) as i',
    );
    await pair.target.query('update t set a = -a where id <= 1201; delete from t where id > 1695');
    const { comparison, sides } = await pair.inspect('t');
    const batches: number[] = [];
    const [chunk] = await planChunks(comparison, sides, 50_000);
    if (!chunk) throw new Error('no chunk');
    const result = await compareChunk(comparison, sides, chunk, async (found) => void batches.push(found.length));
    expect(result).toEqual({ rowsSource: 1700, rowsTarget: 1695, differing: 1206 });
    expect(batches).toEqual([50, 200, 500, 456]);
  });

  describe('chunks', () => {
    async function sizes({ comparison, sides }: Inspected, chunkRows: number) {
      const chunks = await planChunks(comparison, sides, chunkRows);
      const counts: [number, number][] = [];
      for (const chunk of chunks) {
        const { rowsSource, rowsTarget } = await compareChunk(comparison, sides, chunk, async () => undefined);
        counts.push([rowsSource, rowsTarget]);
      }
      return counts;
    }
    const total = (counts: readonly (readonly [number, number])[]) =>
      counts.reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);

    it.each([
      ['the target is denser in one gap of the source', 'i * 1000', 'i + 50000'],
      ['the source is denser in one gap of the target', 'i + 50000', 'i * 1000'],
      ['the sides do not overlap', 'i', 'i + 1000000'],
      ['each side is dense where the other is not', 'case when i < 200 then i else i * 1000 end', 'i * 500'],
    ])('hold at most three times the rows wanted of either side: %s', async (_name, source, target) => {
      await pair.both('create table t (id int8 primary key)');
      await pair.source.query(`insert into t select ${source} from generate_series(1, 400) as i`);
      await pair.target.query(`insert into t select ${target} from generate_series(1, 900) as i`);
      for (const chunkRows of [10, 33]) {
        const counts = await sizes(await pair.inspect('t'), chunkRows);
        expect(total(counts)).toEqual([400, 900]);
        expect(Math.max(...counts.flat())).toBeLessThanOrEqual(3 * chunkRows);
      }
    });

    it('are as many as the rows ask for, not the ids', async () => {
      await pair.both(
        'create table t (id int8 primary key); insert into t select i * 1000000007::int8 from generate_series(1, 1000) as i',
      );
      expect(await sizes(await pair.inspect('t'), 100)).toEqual(Array.from({ length: 10 }, () => [100, 100]));
    });

    it('are ranges along an index, and all rows by the hash of their key without one', async () => {
      await pair.both(
        'create table t (id text collate "C" primary key); create table u (id text collate "C" not null)',
      );
      for (const table of ['t', 'u'])
        await pair.both(`insert into ${table} select md5(i::text) from generate_series(1, 500) as i`);
      const plan = async (table: string) => {
        const { comparison, sides } = await pair.inspect(table, { key: ['id'] });
        return planChunks(comparison, sides, 50);
      };
      expect((await plan('t')).map(({ kind }) => kind)).toEqual(Array.from({ length: 10 }, () => 'range'));
      expect(await plan('u')).toEqual([{ kind: 'buckets', from: null, to: null, low: null, high: null, slices: 64 }]);
    });

    it('keep every boundary of the base and one other in a crowd', () => {
      const bound = (n: number, isBase: boolean) => ({ bound: [String(n)], isBase });
      expect(thinBoundaries([])).toEqual([]);
      expect(
        thinBoundaries([
          bound(1, false),
          bound(2, true),
          bound(2, false),
          ...[3, 4, 5, 6].map((n) => bound(n, false)),
          bound(7, true),
        ]),
      ).toEqual([['2'], ['4'], ['6'], ['7']]);
    });
  });

  describe('keys that cannot be used', () => {
    const refused = (table: string, key: readonly string[]) => async () => {
      const { comparison, sides } = await pair.inspect(table, { key });
      await planChunks(comparison, sides, 10);
    };

    it.each(['source', 'target'] as const)('a key that repeats in the %s, without a constraint', async (side) => {
      await pair.both('create table t (id int, a text)');
      await pair[side].query(`insert into t values (1, 'secret'), (1, 'b')`);
      await expect(refused('t', ['id'])()).rejects.toMatchObject({
        code: 'KEY_UNUSABLE',
        retryable: false,
        message: `table t: key (id) is not unique in the ${side}`,
      });
    });

    it('a key that repeats in a view', async () => {
      await pair.both(
        'create table t (id int, a text); create view v as select * from t; insert into t values (1), (1)',
      );
      await expect(refused('v', ['id'])()).rejects.toMatchObject({ code: 'KEY_UNUSABLE' });
    });

    it('a key that is NULL, beside no unique constraint', async () => {
      await pair.both('create table t (id int, a text); insert into t values (1), (null)');
      await expect(refused('t', ['id'])()).rejects.toMatchObject({
        code: 'KEY_UNUSABLE',
        message: expect.stringContaining('key (id) is NULL for some rows') as unknown,
      });
    });

    it('a key that repeats only in another form', async () => {
      await pair.both('create table t (id numeric); insert into t values (1.0), (1.00)');
      await expect(refused('t', ['id'])()).rejects.toMatchObject({ code: 'KEY_UNUSABLE' });
    });

    it('a key that repeats between planning and comparing', async () => {
      await pair.both('create table t (id int); insert into t values (1), (2)');
      const { comparison, sides } = await pair.inspect('t', { key: ['id'] });
      const [chunk] = await planChunks(comparison, sides, 10);
      await pair.target.query('insert into t values (2)');
      if (!chunk) throw new Error('no chunk');
      await expect(compareChunk(comparison, sides, chunk, async () => undefined)).rejects.toMatchObject({
        code: 'KEY_UNUSABLE',
      });
    });
  });

  it('compares a view that is unique, and a partitioned table', async () => {
    await pair.both(`create table t (id int, a text, primary key (id)) partition by range (id);
      create table t1 partition of t for values from (0) to (50); create table t2 partition of t for values from (50) to (1000);
      create view v as select id, upper(a) as a from t; insert into t select i, 'a' from generate_series(1, 99) as i`);
    await pair.target.query(`update t set a = 'A' where id = 3; update t set a = 'b' where id = 70`);
    expect(namesOf(await pair.differences('t'))).toEqual(['field_mismatch ["3"] a', 'field_mismatch ["70"] a']);
    expect(namesOf(await pair.differences('v', { key: ['id'] }))).toEqual(['field_mismatch ["70"] a']);
  });

  describe('names', () => {
    const HARD = [
      'k0',
      'w0',
      'c0',
      'h0',
      'n',
      'slice',
      'wanted',
      'sum',
      'r',
      'i',
      't',
      'located',
      'numbered',
      '__proto__',
    ];

    it.each(HARD)('a column called %s, as key and as value', async (name) => {
      const schema = `create table t ("${name}" int primary key, a text); create table u (id int primary key, "${name}" text)`;
      const rows = `insert into t select i, 'a' from generate_series(1, 30) as i; insert into u select i, 'a' from generate_series(1, 30) as i`;
      const damage = `update t set a = 'b' where "${name}" = 9; update u set "${name}" = 'b' where id = 11`;
      expect(await found(schema, rows, damage)).toEqual(['field_mismatch ["9"] a']);
      expect(namesOf(await pair.differences('u'))).toEqual([`field_mismatch ["11"] ${name}`]);
    });

    it('all of them at once, in a view without an index', async () => {
      const columns = HARD.map((name) => `"${name}"`);
      await pair.both(`create table b (id int, ${columns.map((name) => `${name} int`).join(', ')});
        insert into b select ${['i', ...columns.map(() => 'i')].join(', ')} from generate_series(1, 20) as i; create view t as select * from b`);
      await pair.target.query(`update b set ${columns.map((name) => `${name} = 0`).join(', ')} where id = 13`);
      const inspected = await pair.inspect('t', { key: ['id'] });
      for (const chunkRows of [3, 100]) {
        const [only, ...others] = await findDifferences(inspected, chunkRows);
        expect(only?.differences.map(({ name }) => name).sort()).toEqual([...HARD].sort());
        expect(others).toEqual([]);
      }
    });

    it.each([
      ['Mixed Case', 'Order'],
      ['select', 'from'],
      ['Ünï"cödé 😀', `it's; -- "quoted"`],
      ['$1', '%s\\'],
    ])('a table called %s with a column called %s', async (table, column) => {
      const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;
      const [t, c] = [quote(table), quote(column)];
      const names = await found(
        `create schema if not exists "My Schema"; create table "My Schema".${t} (${c} text primary key, "Group" int)`,
        `insert into "My Schema".${t} values ('a', 1), ('b', 2)`,
        `update "My Schema".${t} set "Group" = 3 where ${c} = 'b'`,
        { schema: 'My Schema', table },
      );
      expect(names).toEqual(['field_mismatch ["b"] Group']);
      await pair.both('drop schema "My Schema" cascade');
    });

    it('columns under other names on the other side, and a table too', async () => {
      await pair.source.query(
        `create table t (id int primary key, cust_id int, b text); insert into t values (1, 7, 'x'), (2, 8, 'y')`,
      );
      await pair.target.query(
        `create table u ("No" int primary key, customer_id int, b text); insert into u values (1, 7, 'x'), (2, 9, 'y')`,
      );
      const options = { target: 'u', columns: { id: 'No', cust_id: 'customer_id' } };
      const [only, ...others] = await pair.differences('t', options);
      expect(others).toEqual([]);
      expect(only).toMatchObject({
        key: { id: '2' },
        source: { id: '2', cust_id: '8', b: 'y' },
        target: { No: '2', customer_id: '9', b: 'y' },
        differences: [{ name: 'cust_id', targetName: 'customer_id', source: '8', target: '9' }],
      });
    });

    it('names a column of the config that is not there', async () => {
      await pair.both('create table t (id int primary key)');
      await expect(pair.inspect('t', { columns: { id: 'nope' } })).rejects.toMatchObject({ code: 'COLUMN_NOT_FOUND' });
      await expect(pair.inspect('t', { columns: { nope: 'id' } })).rejects.toMatchObject({ code: 'COLUMN_NOT_FOUND' });
      await expect(pair.inspect('t', { key: ['nope'] })).rejects.toMatchObject({ code: 'COLUMN_NOT_FOUND' });
    });
  });

  it('leaves excluded columns alone, and notes columns of one side only', async () => {
    await pair.both(
      `create table t (id int primary key, a text, updated_at timestamptz); insert into t values (1, 'a', now())`,
    );
    await pair.source.query('alter table t add old text');
    await pair.target.query(`alter table t add new text; update t set updated_at = 'infinity'`);
    expect(await pair.differences('t', { exclude: ['updated_at'] })).toEqual([]);
    expect(namesOf(await pair.differences('t'))).toEqual(['field_mismatch ["1"] updated_at']);
    expect((await pair.inspect('t')).comparison.notes).toEqual([
      'only in the source, not compared: old',
      'only in the target, not compared: new',
    ]);
  });

  it.each([
    `state = 'on'`,
    `state = 'on' or state = 'never'`,
    `state = 'on' -- only what is on`,
    `id in (select id from public.t where state = 'on')`,
    `t.state = 'on'`,
  ])('compares only the rows that pass the filter: %s', async (where) => {
    const names = await found(
      'create table t (id int primary key, state text, a int)',
      `insert into t select i, case when i % 2 = 0 then 'on' else 'off' end, i from generate_series(1, 50) as i`,
      `update t set a = 0 where id in (3, 4); delete from t where id in (5, 6); update t set state = 'off' where id = 8`,
      { where },
    );
    expect(names).toEqual(['field_mismatch ["4"] a', 'field_mismatch ["8"] state', 'missing_in_target ["6"]']);
  });

  it('compares generated columns and identity columns like any other', async () => {
    await pair.source.query(
      `create table t (id int generated always as identity primary key, a int, b int generated always as (a * 2) stored)`,
    );
    await pair.target.query(
      `create table t (id int generated always as identity primary key, a int, b int generated always as (a * 3) stored)`,
    );
    await pair.both('insert into t (a) values (0), (1)');
    expect(namesOf(await pair.differences('t'))).toEqual(['field_mismatch ["2"] b']);
  });

  it('reads a value as its exact text', async () => {
    await pair.both(
      `create table t (id int8 primary key, f float8, t timestamptz, n numeric, j json, m money, i interval, b bytea)`,
    );
    const values = `9007199254740993, 0.1, '2024-05-05 10:00:00.000001+02', 1.10, '{"b":1,  "a":1.0}', '-$1,234.50', '1 year 2 days', '\\x00ff'`;
    await pair.source.query(`insert into t values (${values})`);
    const [only] = await pair.differences('t');
    expect(only?.source).toEqual({
      id: '9007199254740993',
      f: '0.1',
      t: '2024-05-05 08:00:00.000001+00',
      n: '1.10',
      j: '{"b":1,  "a":1.0}',
      m: '-$1,234.50',
      i: '1 year 2 days',
      b: '\\x00ff',
    });
  });

  it.each([
    ['char(5)', `'a'`, `'b'`, 'a', 'b'],
    ['char(5)', `'a '`, `' a'`, 'a', ' a'],
    ['mood', `'sad'`, `'ok'`, 'ok', 'sad'],
    ['numeric(10,3)', '10', '9', '10', '9'],
    [
      'timestamptz',
      `'2024-05-05 10:00:00.000001+00'`,
      `'2024-05-05 10:00:00.000002+00'`,
      '2024-05-05 10:00:00.000001+00',
      '2024-05-05 10:00:00.000002+00',
    ],
    ['date', `'infinity'`, `'0044-03-15 BC'`, 'infinity', '0044-03-15 BC'],
    ['bool', 'true', 'false', 'true', 'false'],
    ['int4[]', `'{1}'`, `'{1,2}'`, '{1}', '{1,2}'],
    ['bytea', `'\\x00'`, `'\\x0000'`, '\\x00', '\\x0000'],
    ['inet', `'10.0.0.1'`, `'10.0.0.0/8'`, '10.0.0.1/32', '10.0.0.0/8'],
    ['float8', `'NaN'`, `'-1'`, 'NaN', '-1'],
    ['interval', `'1 day'`, `'24:00:01'`, '1 day', '24:00:01'],
  ])('takes a key of type %s', async (type, first, second, missing, extra) => {
    await pair.both(`create type mood as enum ('sad', 'ok', 'x')`);
    await pair
      .both(`create table t (id ${type}, primary key (id))`)
      .catch(async () => pair.both(`create table t (id ${type} not null)`));
    await pair.source.query(`insert into t values (${type === 'mood' ? second : first})`);
    await pair.target.query(`insert into t values (${type === 'mood' ? first : second})`);
    for (const chunkRows of [1, 100]) {
      expect(namesOf(await pair.differences('t', { key: ['id'] }, chunkRows))).toEqual(
        [`extra_in_target ${JSON.stringify([extra])}`, `missing_in_target ${JSON.stringify([missing])}`].sort(),
      );
    }
  });

  it('takes one numeric key for one row, whatever its scale on either side', async () => {
    await pair.source.query(
      `create table t (id numeric(8,1) primary key, a int); insert into t select i, i from generate_series(1, 90) as i`,
    );
    await pair.target.query(
      `create table t (id numeric(8,3) primary key, a int); insert into t select i, i from generate_series(1, 90) as i; update t set a = 0 where id = 50`,
    );
    for (const chunkRows of [1, 7, 1000]) {
      expect(namesOf(await pair.differences('t', {}, chunkRows))).toEqual(['field_mismatch ["50"] a']);
    }
  });
});
