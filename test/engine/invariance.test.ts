import fc from 'fast-check';
import { EnginePair, findDifferences, namesOf } from '../support/engine';

/** Values of a type: those that share a first element are equal in it. */
type Pool = readonly (readonly [equal: string, text: string | null])[];
const same = (...texts: string[]): Pool => texts.map((text) => [text, text]);
const NULL: Pool = [['no value', null]];

const VALUES: Readonly<Record<string, Pool>> = {
  numeric: [
    ...NULL,
    ...same('0', '1.5', '-1.5', 'NaN', 'Infinity', '-Infinity', '123456789012345678901234567890.000000001'),
    ['1.5', '1.50'],
    ['0', '-0.000'],
  ],
  text: [...NULL, ...same('', ' ', 'a', 'A', 'é', 'e\u0301', 'null', '"', "'", '\\', '\n', '😀', '{}')],
  timestamptz: [
    ...NULL,
    ...same('infinity', '-infinity', '0044-03-15 00:00:00+00 BC', '2024-05-05 10:00:00.000001+00'),
    ['noon', '2024-05-05 12:00:00+00'],
    ['noon', '2024-05-05 14:00:00+02'],
  ],
  jsonb: [
    ...NULL,
    ...same('null', '{}', '[]', '{"a": -1}', '{"a": 1}', '[[1], 2]', '[[1, 2]]', '"\\u20ac"'),
    ['ab', '{"a": 1, "b": 2}'],
    ['ab', '{"b":2,"a":1}'],
  ],
  bool: [...NULL, ...same('true', 'false')],
  bytea: [...NULL, ...same('\\x', '\\x00', '\\x0000', '\\xdeadbeef')],
  float8: [...NULL, ...same('0', '0.1', '0.30000000000000004', 'NaN', 'Infinity', '5e-324'), ['0', '-0']],
  int8: [...NULL, ...same('-1', '4294967295', '1', '4294967296', '9223372036854775807', '-9223372036854775808', '0')],
};

const integers = (bits: number) => {
  const [min, max] = [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n];
  return fc
    .oneof(fc.constantFrom(min, min + 1n, -1n, 0n, 1n, max - 1n, max), fc.bigInt(-40n, 40n), fc.bigInt(min, max))
    .map(String);
};
const strings = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    'a',
    'A',
    'b',
    'B',
    'ä',
    'Z',
    'z',
    '_',
    '-',
    "'",
    '"',
    '\\',
    'é',
    'e\u0301',
    '10',
    '9',
    'ß',
    'ss',
  ),
  fc.string({ unit: 'grapheme', maxLength: 4 }).filter((text) => !text.includes('\0')),
);

/** A key: the types of its columns on each side, and its values in the text form that both sides give them. */
const KEYS = {
  int2: { source: ['int2'], target: ['int2'], value: [integers(16)] },
  int4: { source: ['int4'], target: ['int8'], value: [integers(32)] },
  int8: { source: ['int8'], target: ['int8'], value: [integers(64)] },
  text: { source: ['text'], target: ['varchar'], value: [strings] },
  collated: { source: ['text collate "C"'], target: ['text collate "unicode"'], value: [strings] },
  uuid: { source: ['uuid'], target: ['uuid'], value: [fc.uuid()] },
  numeric: {
    source: ['numeric(6,1)'],
    target: ['numeric(8,3)'],
    value: [fc.integer({ min: -9999, max: 9999 }).map(String)],
  },
  'text, int8': { source: ['text', 'int8'], target: ['text', 'int8'], value: [strings, integers(64)] },
  'int4, uuid': { source: ['int4', 'uuid'], target: ['int2', 'uuid'], value: [integers(16), fc.uuid()] },
} as const;

type Key = readonly string[];
interface Row {
  readonly key: Key;
  /** Index into the pool of each column. */
  readonly values: readonly number[];
}

const KIND = fc.constantFrom('same', 'same', 'same', 'same', 'missing', 'extra', 'changed', 'swapped', 'moved');

interface Case {
  readonly name: keyof typeof KEYS;
  readonly columns: readonly string[];
  readonly rows: readonly { readonly row: Row; readonly kind: string; readonly column: number; readonly to: number }[];
  readonly spare: readonly Key[];
  readonly constrained: { readonly source: boolean; readonly target: boolean };
}

const cases: fc.Arbitrary<Case> = fc
  .record({
    name: fc.constantFrom(...(Object.keys(KEYS) as (keyof typeof KEYS)[])),
    columns: fc.uniqueArray(fc.constantFrom(...Object.keys(VALUES)), { minLength: 1, maxLength: 5 }),
  })
  .chain(({ name, columns }) => {
    const keys = fc.uniqueArray(fc.tuple(...(KEYS[name].value as readonly fc.Arbitrary<string>[])), {
      selector: (key) => JSON.stringify(key),
      maxLength: 60,
    });
    return fc.record({
      name: fc.constant(name),
      columns: fc.constant(columns),
      spare: keys,
      constrained: fc.record({ source: fc.boolean(), target: fc.boolean() }),
      rows: keys.chain((unique) =>
        fc.tuple(
          ...unique.map((key) =>
            fc.record({
              row: fc.record({ key: fc.constant(key as Key), values: fc.tuple(...columns.map(() => fc.nat(50))) }),
              kind: KIND,
              column: fc.nat(columns.length - 1),
              to: fc.nat(50),
            }),
          ),
        ),
      ),
    });
  });

const textOf = (key: Key) => JSON.stringify(key);
const valueOf = (column: string, index: number) => {
  const pool = VALUES[column] ?? [];
  return pool[index % pool.length] ?? ['no value', null];
};

/** Both sides' rows by key, made different as the case says. */
function sidesOf({ rows, spare }: Case) {
  const source = new Map<string, Row>();
  const target = new Map<string, Row>();
  const taken = new Set(rows.map(({ row }) => textOf(row.key)));
  const fresh = spare.filter((key) => !taken.has(textOf(key)));
  const swapping: { readonly row: Row; readonly column: number }[] = [];
  for (const { row, kind, column, to } of rows) {
    const put = (side: Map<string, Row>, put: Row) => void side.set(textOf(put.key), put);
    if (kind !== 'extra') put(source, row);
    if (kind === 'missing') continue;
    if (kind === 'changed') put(target, { ...row, values: row.values.with(column, to) });
    else if (kind === 'moved') put(target, { ...row, key: fresh.pop() ?? row.key });
    else put(target, row);
    if (kind === 'swapped') swapping.push({ row, column });
  }
  for (let i = 0; i + 1 < swapping.length; i += 2) {
    const [a, b] = [swapping[i], swapping[i + 1]];
    if (!a || !b) continue;
    const column = a.column;
    target.set(textOf(a.row.key), { ...a.row, values: a.row.values.with(column, b.row.values[column] ?? 0) });
    target.set(textOf(b.row.key), { ...b.row, values: b.row.values.with(column, a.row.values[column] ?? 0) });
  }
  return { source, target };
}

/** What differs, said by plain JavaScript, in the words of {@link namesOf}. */
function oracle({ columns }: Case, source: ReadonlyMap<string, Row>, target: ReadonlyMap<string, Row>): string[] {
  const found: string[] = [];
  for (const key of new Set([...source.keys(), ...target.keys()])) {
    const [s, t] = [source.get(key), target.get(key)];
    if (!s) found.push(`extra_in_target ${key}`);
    else if (!t) found.push(`missing_in_target ${key}`);
    else {
      const differ = columns.flatMap((column, i) =>
        valueOf(column, s.values[i] ?? 0)[0] === valueOf(column, t.values[i] ?? 0)[0] ? [] : [`v${i}`],
      );
      if (differ.length > 0) found.push(['field_mismatch', key, ...differ.sort()].join(' '));
    }
  }
  return found.sort();
}

const PLANS = [
  [1, 8],
  [7, 1],
  [7, 8],
  [1_000, 1],
  [50_000, 8],
] as const;

describe('the findings of a comparison', () => {
  let pair: EnginePair;
  beforeAll(async () => {
    pair = await EnginePair.create('invariance', {
      sourceOptions: `encoding 'UTF8' locale_provider icu icu_locale 'sv' locale 'C'`,
      targetOptions: `encoding 'UTF8' locale 'C'`,
      maxConnections: 8,
    });
  });
  afterAll(() => pair.drop());

  async function fill(side: 'source' | 'target', current: Case, rows: ReadonlyMap<string, Row>) {
    const { columns, name, constrained } = current;
    const keyTypes = KEYS[name][side];
    const keyNames = keyTypes.map((_, i) => `k${i}`).join(', ');
    const definitions = [
      ...keyTypes.map((type, i) => `k${i} ${type}`),
      ...columns.map((type, i) => `v${i} ${type}`),
      ...(constrained[side] ? [`primary key (${keyNames})`] : []),
    ];
    await pair[side].query(`drop table if exists t; create table t (${definitions.join(', ')})`);
    const json = [...rows.values()].map(({ key, values }) => ({
      ...Object.fromEntries(key.map((value, i) => [`k${i}`, value])),
      ...Object.fromEntries(columns.map((column, i) => [`v${i}`, valueOf(column, values[i] ?? 0)[1]])),
    }));
    const bare = (type: string) => type.replace(/ collate .*/, '');
    const fields = [
      ...keyTypes.map((type, i) => `(r ->> 'k${i}')::${bare(type)}`),
      ...columns.map((type, i) => `(r ->> 'v${i}')::${type}`),
    ];
    await pair[side].query(`insert into t select ${fields.join(', ')} from jsonb_array_elements($1::jsonb) as j(r)`, [
      JSON.stringify(json),
    ]);
  }

  it('are the same for every chunk size and concurrency, and are exactly what differs', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (current) => {
        const { source, target } = sidesOf(current);
        await fill('source', current, source);
        await fill('target', current, target);
        const expected = oracle(current, source, target);
        const inspected = await pair.inspect('t', { key: KEYS[current.name].source.map((_, i) => `k${i}`) });
        for (const [chunkRows, concurrency] of PLANS) {
          const found = namesOf(await findDifferences(inspected, chunkRows, concurrency));
          expect({ chunkRows, concurrency, found }).toEqual({ chunkRows, concurrency, found: expected });
        }
      }),
      {
        numRuns: Number(process.env['TRUEUP_TEST_RUNS'] ?? 80),
        interruptAfterTimeLimit: 45_000,
        markInterruptAsFailure: false,
      },
    );
  });
});
