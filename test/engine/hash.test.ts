import { hashOf, type Hashed } from '../../engine/hash';
import type { HashMethod } from '../../contracts/comparison';
import { createTestDatabase, type TestDatabase } from '../support/database';

const METHODS: readonly HashMethod[] = ['native-14', 'native-18', 'portable'];

/** Type, and values of it as text: all of one list differ from each other; NULL is among them. */
const VALUES: Readonly<Record<string, readonly (string | null)[]>> = {
  smallint: [null, '0', '1', '-1', '32767', '-32768'],
  integer: [null, '0', '1', '-1', '2147483647', '-2147483648'],
  bigint: [
    ...[null, '0', '1', '-1', '4294967295', '4294967296', '9223372036854775807', '-9223372036854775808'],
    // What could be mistaken for the marks and the seed inside the hash.
    ...['7640891576956012809', '4611686018427388039', '1442695040888963407', '6364136223846793005'],
  ],
  numeric: [null, '0', '5', '-5', '0.05', '50000', 'NaN', 'Infinity', '-Infinity', '1e-20', '-1e-20', '1e40'],
  'double precision': [null, '0', '5', '-5', 'NaN', 'Infinity', '-Infinity', '5e-324', '1.7976931348623157e308'],
  real: [null, '0', '0.1', '-0.1', 'NaN', 'Infinity', '-Infinity'],
  boolean: [null, 'true', 'false'],
  text: [null, '', ' ', 'a', 'A', 'é', 'e\u0301', 'null', '-', '0', '0:', '1:a'],
  uuid: [null, '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000001'],
  bytea: [null, '\\x', '\\x00', '\\x0000', '\\x2d'],
  date: [null, '2000-01-01', '0001-01-01', '0001-01-01 BC', 'infinity', '-infinity', '5874897-12-31'],
  'timestamp without time zone': [
    ...[null, '2000-01-01 00:00:00', '2000-01-01 00:00:00.000001', '1999-12-31 23:59:59.999999'],
    ...['2000-01-01 01:11:34.967295', '2000-01-01 01:11:34.967296', '2000-01-01 01:11:34.967297', 'infinity'],
    ...['-infinity', '0044-03-15 00:00:00 BC', '4714-11-24 00:00:00 BC', '294276-12-31 23:59:59.999999'],
  ],
  'timestamp with time zone': [
    ...[null, '2000-01-01 00:00:00+00', '2000-01-01 00:00:00.000001+00', '1999-12-31 23:59:59.999999+00'],
    ...['2000-01-01 01:11:34.967297+00', '1999-12-31 22:48:25.032705+00', 'infinity', '-infinity'],
    ...['4714-11-24 00:00:00+00 BC', '294276-12-31 23:59:59.999999+00'],
  ],
  'time without time zone': [null, '00:00:00', '01:11:34.967297', '24:00:00'],
  jsonb: [null, 'null', '0', '{}', '[]', '{"a": -1}', '{"a": 1}', '[[1], 2]', '[[1, 2]]'],
  inet: [null, '10.0.0.0/8', '10.0.0.0/9'],
};

describe('the hash of a row', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase('hash');
    await database.query(`set timezone to 'UTC'`);
  });
  afterAll(() => database.drop());

  const hashesOf = async (values: readonly Hashed[], method: HashMethod, from: string) => {
    const rows = await database.query(`select ${hashOf(values, method)} as h from ${from}`);
    return rows.map((row) => row.h);
  };
  const literal = (text: string | null, type: string) =>
    text === null ? `null::${type}` : `'${text.replaceAll("'", "''")}'::${type}`;

  it.each(METHODS.flatMap((method) => Object.keys(VALUES).map((type) => [method, type] as const)))(
    '%s tells all values of %s apart, and NULL from each',
    async (method, type) => {
      const values = VALUES[type] ?? [];
      const from = `(values ${values.map((value) => `(${literal(value, type)})`).join(', ')}) as t(v)`;
      const hashes = await hashesOf([{ type, value: 'v' }], method, from);
      expect(hashes).not.toContain(null);
      expect(new Set(hashes).size).toBe(values.length);
    },
  );

  it.each(METHODS)('%s gives one hash to the texts of one value', async (method) => {
    const equal: readonly (readonly [type: string, a: string, b: string])[] = [
      ['numeric', '1.0', '1.00'],
      ['numeric', '-0.00', '0'],
      ['double precision', '-0', '0'],
      ['real', '-0', '0'],
      ['jsonb', '{"a": 1, "b": 2}', '{"b":2,"a":1}'],
      ['timestamp with time zone', '2024-05-05 10:00:00+00', '2024-05-05 12:00:00+02'],
    ];
    for (const [type, a, b] of equal) {
      const from = `(values (${literal(a, type)}), (${literal(b, type)})) as t(v)`;
      const [first, second] = await hashesOf([{ type, value: 'v' }], method, from);
      expect([type, first]).toEqual([type, second]);
    }
  });

  it.each(METHODS)(
    '%s does not depend on whether the catalog promises NOT NULL, also where it lies',
    async (method) => {
      for (const [type, values] of Object.entries(VALUES)) {
        const from = `(values ${values.map((value) => `(1, ${literal(value, type)})`).join(', ')}) as t(id, v)`;
        const row = (notNull: boolean): Hashed[] => [
          { type: 'integer', value: 'id', notNull },
          { type, value: 'v', notNull },
        ];
        expect(await hashesOf(row(true), method, from)).toEqual(await hashesOf(row(false), method, from));
      }
    },
  );

  it.each(METHODS)('%s: two rows that swap a value change the sum, whatever the value and the type', async (method) => {
    for (const [type, values] of Object.entries(VALUES)) {
      for (const [a, b] of values.flatMap((x, i) => values.slice(i + 1).map((y) => [x, y] as const))) {
        const sum = async (first: string | null, second: string | null) => {
          const from = `(values (1::int, ${literal(first, type)}), (2, ${literal(second, type)})) as t(id, v)`;
          const hash = hashOf(
            [
              { type: 'integer', value: 'id' },
              { type, value: 'v' },
            ],
            method,
          );
          return (await database.query(`select sum(${hash}) as s from ${from}`))[0]?.s;
        };
        expect([type, a, b, await sum(a, b)]).not.toEqual([type, a, b, await sum(b, a)]);
      }
    }
  });

  it.each(METHODS)('%s: values do not run together, nor swap between columns', async (method) => {
    const columns: Hashed[] = ['a', 'b', 'c'].map((value) => ({ type: 'text', value }));
    const from = `(values ('x', 'yz', ''), ('xy', 'z', ''), ('', 'xyz', ''), ('xyz', '', ''), ('yz', 'x', ''),
      ('', '', 'xyz'), (null, 'x', 'yz'), ('x', null, 'yz'), ('x', 'yz', null), ('', 'x', 'yz'), ('x', '', 'yz')) as t(a, b, c)`;
    expect(new Set(await hashesOf(columns, method, from)).size).toBe(11);
  });

  it.each(METHODS)('%s tells all pairs of values of any two types apart, in either order', async (method) => {
    const listOf = (type: string) => (VALUES[type] ?? []).map((value) => `(${literal(value, type)})`).join(', ');
    const confused: string[] = [];
    for (const a of Object.keys(VALUES)) {
      for (const b of Object.keys(VALUES)) {
        const hash = hashOf(
          [
            { type: a, value: 'a' },
            { type: b, value: 'b' },
          ],
          method,
        );
        const rows = await database.query(
          `select array_agg(concat_ws(' and ', coalesce(a::text, 'NULL'), coalesce(b::text, 'NULL')))::text as values
             from (values ${listOf(a)}) as x(a) cross join (values ${listOf(b)}) as y(b)
            group by ${hash} having count(*) > 1`,
        );
        confused.push(...rows.map(({ values }) => `${a}, ${b}: ${values ?? ''}`));
      }
    }
    expect(confused).toEqual([]);
  });

  it.each(METHODS)('%s: a change in any one of 1,500 columns counts', async (method) => {
    const columns = Array.from({ length: 1_500 }, (_, i): Hashed => ({
      type: (['integer', 'text', 'numeric', 'date'] as const)[i % 4] ?? 'text',
      value: `c${i}`,
      notNull: i % 3 === 0,
    }));
    const row = (changed: number) =>
      columns.map(({ type, value }, i) => {
        const given = type === 'date' ? '2024-01-01' : i === changed ? '7' : '3';
        return `${literal(type === 'date' && i === changed ? '2024-01-02' : given, type)} as ${value}`;
      });
    const hash = hashOf(columns, method);
    const seen = new Set<string | null | undefined>();
    const changes = [-1, 0, 1, 2, 3, 59, 60, 61, 119, 120, 700, 1_439, 1_440, 1_497, 1_498, 1_499];
    for (const changed of changes) {
      const rows = await database.query(`select ${hash} as h from (select ${row(changed).join(', ')}) as t`);
      seen.add(rows[0]?.h);
    }
    expect(seen.size).toBe(changes.length);
  });

  it('knows why records are not summed up: swapped values leave such a sum as it was', async () => {
    const sum = (first: string, second: string) =>
      database.query(`select sum(hash_record_extended(row(id, v), 0)) as s
        from (values (1, '${first}'::text), (2, '${second}')) as t(id, v)`);
    expect(await sum('a', 'b')).toEqual(await sum('b', 'a'));
  });
});
