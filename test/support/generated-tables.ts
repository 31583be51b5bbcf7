import fc from 'fast-check';
import type { Difference } from '../../contracts/difference';
import type { TestDatabase } from './database';

/** Values of a type, as a class of equal values and a text of it; null: NULL. */
type Pool = readonly (readonly [equal: string, text: string | null])[];
const same = (...texts: string[]): Pool => texts.map((text) => [text, text]);

const VALUES: Readonly<Record<string, Pool>> = {
  numeric: [
    ...same('0', '1.5', '-1.5', 'NaN', 'Infinity', '-Infinity', '123456789012345678901234567890.000000001'),
    ['1.5', '1.50'],
    ['0', '-0.000'],
  ],
  text: same('', ' ', 'a', 'A', 'é', 'e\u0301', 'null', '"', "'", '\\', '\n', '😀', '{}'),
  timestamptz: [
    ...same('infinity', '-infinity', '0044-03-15 00:00:00+00 BC', '2024-05-05 10:00:00.000001+00'),
    ['noon', '2024-05-05 12:00:00+00'],
    ['noon', '2024-05-05 14:00:00+02'],
  ],
  jsonb: [
    ...same('null', '{}', '[]', '{"a": -1}', '{"a": 1}', '[[1], 2]', '[[1, 2]]', '"\\u20ac"'),
    ['ab', '{"a": 1, "b": 2}'],
    ['ab', '{"b":2,"a":1}'],
  ],
  bool: same('true', 'false'),
  bytea: same('\\x', '\\x00', '\\x0000', '\\xdeadbeef'),
  float8: [...same('0', '0.1', '0.30000000000000004', 'NaN', 'Infinity', '5e-324'), ['0', '-0']],
  int8: same('-1', '4294967295', '1', '4294967296', '9223372036854775807', '-9223372036854775808', '0'),
  date: same('infinity', '2024-02-29', '0044-03-15 BC', '1999-12-31', '2000-01-01'),
  uuid: same('00000000-0000-0000-0000-000000000000', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'),
  mood: same('sad', 'ok', 'happy', 'Happy', ''),
};

/** What both sides' databases hold before any table; their labels do not sort alike. */
const ENUMS = {
  source: `create type mood as enum ('sad', 'ok', 'happy', 'Happy', '')`,
  target: `create type mood as enum ('', 'Happy', 'happy', 'ok', 'sad')`,
};

const integers = (bits: number) => {
  const [min, max] = [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n];
  return fc
    .oneof(fc.constantFrom(min, min + 1n, -1n, 0n, 1n, max - 1n, max), fc.bigInt(-40n, 40n), fc.bigInt(min, max))
    .map(String);
};
const LETTERS = [
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
];
const strings = fc.oneof(
  fc.constantFrom(...LETTERS),
  fc.string({ unit: 'grapheme', maxLength: 4 }).filter((text) => !text.includes('\0')),
);
const tenths = fc.integer({ min: -9999, max: 9999 }).map(String);

interface KeyKind {
  readonly source: readonly string[];
  readonly target: readonly string[];
  readonly value: readonly fc.Arbitrary<string>[];
  /** Whether the key is a unique constraint of nullable columns. */
  readonly nullable?: true;
}

/** The types of a key's columns on each side, and its values in the text form that both sides give them. */
const KEYS: Readonly<Record<string, KeyKind>> = {
  int2: { source: ['int2'], target: ['int2'], value: [integers(16)] },
  int4: { source: ['int4'], target: ['int8'], value: [integers(32)] },
  int8: { source: ['int8'], target: ['int8'], value: [integers(64)] },
  text: { source: ['text'], target: ['varchar'], value: [strings] },
  bytes: { source: ['text collate "C"'], target: ['text collate "C"'], value: [strings] },
  collated: { source: ['text collate "C"'], target: ['text collate "unicode"'], value: [strings] },
  uuid: { source: ['uuid'], target: ['uuid'], value: [fc.uuid()] },
  numeric: { source: ['numeric(6,1)'], target: ['numeric(8,3)'], value: [tenths] },
  'text, int8': { source: ['text', 'int8'], target: ['text', 'int8'], value: [strings, integers(64)] },
  'int4, uuid': { source: ['int4', 'uuid'], target: ['int2', 'uuid'], value: [integers(16), fc.uuid()] },
  'int4, text': {
    source: ['int4', 'text collate "C"'],
    target: ['int4', 'text collate "C"'],
    value: [integers(32), strings],
  },
  'nullable int8': { source: ['int8'], target: ['int8'], value: [integers(64)], nullable: true },
  'nullable text': { source: ['text'], target: ['text'], value: [strings], nullable: true },
  'nullable int4, uuid': {
    source: ['int4', 'uuid'],
    target: ['int4', 'uuid'],
    value: [integers(16), fc.uuid()],
    nullable: true,
  },
  none: { source: [], target: [], value: [] },
};

type Key = readonly (string | null)[];

interface Column {
  readonly type: string;
  readonly notNull: { readonly source: boolean; readonly target: boolean };
  readonly excluded: boolean;
  /** Whether a generated column stands beside it, which says whether it is NULL. */
  readonly generated: boolean;
}

interface Row {
  readonly key: Key;
  /** Index into the pool of each column. */
  readonly values: readonly number[];
}

const KINDS = ['same', 'same', 'same', 'same', 'missing', 'extra', 'changed', 'swapped', 'moved'] as const;

/** A table of each side, and how the target was made to differ. */
export interface GeneratedTables {
  readonly key: string;
  readonly columns: readonly Column[];
  readonly rows: readonly {
    readonly row: Row;
    readonly kind: (typeof KINDS)[number];
    readonly column: number;
    readonly to: number;
  }[];
  /** Keys to which rows may move. */
  readonly spare: readonly Key[];
  /** Sides that have the key as a primary key. */
  readonly constrained: { readonly source: boolean; readonly target: boolean };
  /** Whether the config names the key although a constraint gives it. */
  readonly named: boolean;
}

const bothSides = fc.record({ source: fc.boolean(), target: fc.boolean() });

const columnsOf = fc
  .array(
    fc.record({
      type: fc.constantFrom(...Object.keys(VALUES)),
      notNull: bothSides,
      excluded: fc.nat(4).map((n) => n === 0),
      generated: fc.nat(4).map((n) => n === 0),
    }),
    { minLength: 1, maxLength: 6 },
  )
  // Something has to be compared.
  .map((columns) => columns.map((column, i) => (i === 0 ? { ...column, excluded: false } : column)));

function keysOf({ value, nullable }: KeyKind, most: number): fc.Arbitrary<readonly Key[]> {
  if (value.length === 0) return fc.nat(most).map((count) => Array.from({ length: count }, () => []));
  const whole = fc.uniqueArray(fc.tuple(...(value as fc.Arbitrary<string>[])), {
    selector: (key) => JSON.stringify(key),
    maxLength: most,
  }) as fc.Arbitrary<readonly Key[]>;
  if (!nullable) return whole;
  const places = fc.array(fc.nat(value.length - 1), { maxLength: Math.floor(most / 3) });
  const withNull = places.chain((all) =>
    fc.tuple(
      ...all.map((place) => fc.tuple(...value.map((one, i) => (i === place ? fc.constant(null) : fc.option(one))))),
    ),
  ) as fc.Arbitrary<readonly Key[]>;
  return fc.tuple(whole, withNull).map(([some, others]) => [...some, ...others]);
}

/** Tables of at most so many rows. */
export function generatedTables(mostRows: number): fc.Arbitrary<GeneratedTables> {
  return fc.record({ key: fc.constantFrom(...Object.keys(KEYS)), columns: columnsOf }).chain(({ key, columns }) => {
    const keys = keysOf(kindOf(key), mostRows);
    const most = key === 'none' ? 3 : 50;
    const value = fc.nat(most);
    return fc.record({
      key: fc.constant(key),
      columns: fc.constant(columns),
      spare: keysOf(kindOf(key), 20).map((all) => all.filter((one) => !isCounted(one))),
      constrained: bothSides,
      named: fc.boolean(),
      rows: keys.chain((all) =>
        fc.tuple(
          ...all.map((one) =>
            fc.record({
              row: fc.record({ key: fc.constant(one), values: fc.tuple(...columns.map(() => value)) }),
              kind: fc.constantFrom(...KINDS),
              column: fc.nat(columns.length - 1),
              to: value,
            }),
          ),
        ),
      ),
    });
  });
}

const kindOf = (key: string): KeyKind => KEYS[key] ?? { source: [], target: [], value: [] };
const textOf = (key: Key) => JSON.stringify(key);
const isCounted = (key: Key) => key.length === 0 || key.includes(null);

function valueOf({ type, notNull }: Column, index: number): readonly [equal: string, text: string | null] {
  const pool: Pool = [
    ...(notNull.source || notNull.target ? [] : ([['no value', null]] as const)),
    ...(VALUES[type] ?? []),
  ];
  return pool[index % pool.length] ?? ['no value', null];
}

export interface Rows {
  readonly source: readonly Row[];
  readonly target: readonly Row[];
}

/** Both sides' rows, made different as the case says. */
export function rowsOf({ rows, spare }: GeneratedTables): Rows {
  const [source, target]: [Row[], Row[]] = [[], []];
  const taken = new Set(rows.map(({ row }) => textOf(row.key)));
  const fresh = spare.filter((key) => !taken.has(textOf(key)));
  const swapping: { readonly at: number; readonly row: Row; readonly column: number }[] = [];
  for (const { row, kind, column, to } of rows) {
    if (kind !== 'extra') source.push(row);
    if (kind === 'missing') continue;
    if (kind === 'swapped') swapping.push({ at: target.length, row, column });
    if (kind === 'changed') target.push({ ...row, values: row.values.with(column, to) });
    else if (kind !== 'moved') target.push(row);
    // A row without a key is there twice instead.
    else if (isCounted(row.key)) target.push(row, row);
    else target.push({ ...row, key: fresh.pop() ?? row.key });
  }
  for (let i = 0; i + 1 < swapping.length; i += 2) {
    const [a, b] = [swapping[i], swapping[i + 1]];
    if (!a || !b) continue;
    const { column } = a;
    target[a.at] = { ...a.row, values: a.row.values.with(column, b.row.values[column] ?? 0) };
    target[b.at] = { ...b.row, values: b.row.values.with(column, a.row.values[column] ?? 0) };
  }
  return { source, target };
}

/** The columns that are compared, sorted, and a row's values of them, each as the name of its class of equal values. */
function comparedValues(columns: readonly Column[], { values }: Row): readonly (readonly [string, string])[] {
  const compared = columns.flatMap((column, i) => {
    const [equal, text] = valueOf(column, values[i] ?? 0);
    return [
      ...(column.excluded ? [] : [[`v${i}`, equal] as const]),
      ...(column.generated ? [[`g${i}`, String(text === null)] as const] : []),
    ];
  });
  return compared.sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What differs, said by plain JavaScript, in the words of {@link GeneratedPair.namesOf}. */
export function oracle({ columns }: GeneratedTables, { source, target }: Rows): readonly string[] {
  const keyed = (rows: readonly Row[]) =>
    new Map(rows.filter(({ key }) => !isCounted(key)).map((row) => [textOf(row.key), row]));
  const [sources, targets] = [keyed(source), keyed(target)];
  const found: string[] = [];
  for (const key of new Set([...sources.keys(), ...targets.keys()])) {
    const [s, t] = [sources.get(key), targets.get(key)];
    if (!s || !t) {
      found.push(`${s ? 'missing_in_target' : 'extra_in_target'} ${key}`);
      continue;
    }
    const others = comparedValues(columns, t);
    const differ = comparedValues(columns, s).flatMap(([name, equal], i) => (others[i]?.[1] === equal ? [] : [name]));
    if (differ.length > 0) found.push(['field_mismatch', key, ...differ.sort()].join(' '));
  }
  const counts = new Map<string, [source: number, target: number]>();
  for (const [side, rows] of [source, target].entries()) {
    for (const row of rows.filter(({ key }) => isCounted(key))) {
      const text = JSON.stringify([...row.key, ...comparedValues(columns, row).map(([, equal]) => equal)]);
      const of = counts.get(text) ?? [0, 0];
      of[side === 0 ? 0 : 1] += 1;
      counts.set(text, of);
    }
  }
  for (const [text, [s, t]] of counts) {
    if (s !== t) found.push(`${s > t ? 'missing_in_target' : 'extra_in_target'} ${text} ${s}:${t}`);
  }
  return found.sort();
}

/** What of a finding is compared with what differs. */
export type Found = Pick<Difference, 'type' | 'key' | 'counts'> & { readonly columns: readonly string[] };

/** How the config names the key and the columns left out. */
export function optionsOf({ key, columns, constrained, named }: GeneratedTables) {
  const kind = kindOf(key);
  const isKnown = kind.nullable === true || constrained.source || constrained.target;
  const names = kind.source.map((_, i) => `k${i}`);
  return {
    key: names.length === 0 || (isKnown && !named) ? null : names,
    exclude: columns.flatMap(({ excluded }, i) => (excluded ? [`v${i}`] : [])),
  };
}

/** A source and a target on which generated tables are made, one after the other, each as the table `t`. */
export class GeneratedPair {
  private constructor(
    private readonly sides: { readonly source: TestDatabase; readonly target: TestDatabase },
    /** Type and text to the name of the class of equal values. */
    private readonly classes: ReadonlyMap<string, string>,
  ) {}

  static async create(source: TestDatabase, target: TestDatabase): Promise<GeneratedPair> {
    await source.query(ENUMS.source);
    await target.query(ENUMS.target);
    const classes = new Map<string, string>();
    await source.query(`set timezone = 'UTC'`);
    for (const [type, pool] of Object.entries(VALUES)) {
      const texts = pool.map(([, text]) => text);
      const rows = await source.query(`select v::${type}::text as text from unnest($1::text[]) as u(v)`, [texts]);
      rows.forEach((row, i) => classes.set(`${type} ${row['text']}`, pool[i]?.[0] ?? ''));
    }
    return new GeneratedPair({ source, target }, classes);
  }

  async fill(tables: GeneratedTables, rows: Rows): Promise<void> {
    await this.#fillSide('source', tables, rows.source);
    await this.#fillSide('target', tables, rows.target);
  }

  /** Findings in a form to compare: `type key [columns]`, or `type values source:target` where rows were counted. */
  namesOf({ columns }: GeneratedTables, found: readonly Found[]): readonly string[] {
    return found
      .map(({ type, key, counts, columns: differing }) => {
        if (!counts) return [type, JSON.stringify(Object.values(key)), ...[...differing].sort()].join(' ');
        const of = (prefix: string) =>
          Object.keys(key)
            .filter((name) => name.startsWith(prefix))
            .sort();
        const equal = (name: string) => {
          const text = key[name] ?? null;
          if (text === null) return 'no value';
          return name.startsWith('g') ? text : this.classes.get(`${columns[Number(name.slice(1))]?.type} ${text}`);
        };
        const values = [...of('k').map((name) => key[name]), ...[...of('g'), ...of('v')].map(equal)];
        return `${type} ${JSON.stringify(values)} ${counts.source}:${counts.target}`;
      })
      .sort();
  }

  async #fillSide(side: 'source' | 'target', tables: GeneratedTables, rows: readonly Row[]): Promise<void> {
    const { columns, constrained } = tables;
    const kind = kindOf(tables.key);
    const keyNames = kind[side].map((_, i) => `k${i}`).join(', ');
    const constraint = kind.nullable ? 'unique' : constrained[side] ? 'primary key' : null;
    const definitions = [
      ...kind[side].map((type, i) => `k${i} ${type}`),
      ...columns.map(({ type, notNull }, i) => `v${i} ${type}${notNull[side] ? ' not null' : ''}`),
      ...columns.flatMap(({ generated }, i) =>
        generated ? [`g${i} bool generated always as (v${i} is null) stored`] : [],
      ),
      ...(keyNames === '' || constraint === null ? [] : [`${constraint} (${keyNames})`]),
    ];
    const database = this.sides[side];
    await database.query(`drop table if exists t; create table t (${definitions.join(', ')})`);
    const json = rows.map(({ key, values }) => ({
      ...Object.fromEntries(key.map((value, i) => [`k${i}`, value])),
      ...Object.fromEntries(columns.map((column, i) => [`v${i}`, valueOf(column, values[i] ?? 0)[1]])),
    }));
    const bare = (type: string) => type.replace(/ collate .*/, '');
    const fields = [
      ...kind[side].map((type, i) => ({ name: `k${i}`, type: bare(type) })),
      ...columns.map(({ type }, i) => ({ name: `v${i}`, type })),
    ];
    await database.query(
      `insert into t (${fields.map(({ name }) => name).join(', ')})
       select ${fields.map(({ name, type }) => `(r ->> '${name}')::${type}`).join(', ')}
         from jsonb_array_elements($1::jsonb) as j(r)`,
      [JSON.stringify(json)],
    );
  }
}
