import type { RowInconsistencyType } from '../contracts/finding';

/** What is to be found of a row. */
export type Damage = RowInconsistencyType;

export interface BenchColumn {
  readonly name: string;
  readonly type: string;
  /** SQL over `g`, the number of the row from 1. */
  readonly value: string;
  /** What the target holds instead in a changed row where `when` holds; both are SQL over `g`. */
  readonly changed?: { readonly when: string; readonly value: string };
}

/** A table to measure with: the same on every machine, as every value is made of the number of its row. */
export interface BenchTable {
  readonly name: string;
  readonly key: readonly string[];
  readonly columns: readonly BenchColumn[];
  /** SQL over `g` that gives the row's {@link Damage} or null, for a table of so many rows. */
  readonly damage: (rows: number) => string;
  /** What a row takes on disk with its index, in bytes, about. */
  readonly rowBytes: number;
}

/** Bits of a hash of the row's number: a number from 0 to `mask`. */
const hash = (seed: number, mask: number) => `(hashint8extended(g, ${seed}) & ${mask})`;
const oneOf = (seed: number, ...words: readonly [string, string, string, string]) =>
  `(array['${words.join("','")}'])[1 + ${hash(seed, 3)}]`;

const AMOUNT = `(${hash(2, 0xffffff)} / 100.0)::numeric(12,2)`;
const BOOKED_AT = `timestamptz '2020-01-01 00:00:00Z' + ${hash(5, 0xfffffff)} * interval '500 milliseconds'`;

const ID: BenchColumn = { name: 'id', type: 'bigint', value: 'g' };
const ACCOUNT: BenchColumn = { name: 'account_id', type: 'bigint', value: `1 + ${hash(1, 0xfffff)}` };
const QUANTITY: BenchColumn = { name: 'quantity', type: 'integer', value: `${hash(6, 0xfff)}::integer` };
const CURRENCY: BenchColumn = { name: 'currency', type: 'text', value: oneOf(3, 'EUR', 'USD', 'GBP', 'CHF') };
const MEMO: BenchColumn = { name: 'memo', type: 'text', value: `'Payment ' || md5(g::text)` };
/** A changed row differs in one of these three. */
const CHANGING: readonly BenchColumn[] = [
  { name: 'amount', type: 'numeric(12,2)', value: AMOUNT, changed: { when: 'g % 3 = 0', value: `${AMOUNT} + 0.01` } },
  {
    name: 'status',
    type: 'text',
    value: oneOf(4, 'booked', 'pending', 'settled', 'refused'),
    changed: { when: 'g % 3 = 1', value: `'reversed'` },
  },
  {
    name: 'booked_at',
    type: 'timestamptz',
    value: BOOKED_AT,
    changed: { when: 'g % 3 = 2', value: `${BOOKED_AT} + interval '1 microsecond'` },
  },
];

const LINES: readonly BenchColumn[] = [ID, ACCOUNT, ...CHANGING, CURRENCY, QUANTITY, MEMO];

const BODY = Array.from({ length: 8 }, (_, i) => `md5('${i}' || g)`).join(` || ' ' || `);
const document = (quantity: string) =>
  `jsonb_build_object('customer', md5(g::text), 'lines', jsonb_build_array(${hash(7, 0xff)}, ${hash(8, 0xff)}),
     'shipping', jsonb_build_object('city', ${oneOf(9, 'Graz', 'Lyon', 'Porto', 'Turku')}, 'express', ${hash(9, 1)} = 1),
     'quantity', ${quantity})`;
const WIDE: readonly BenchColumn[] = [
  ID,
  ACCOUNT,
  { name: 'amount', type: 'numeric(12,2)', value: AMOUNT, changed: { when: 'g % 3 = 0', value: `${AMOUNT} + 0.01` } },
  { name: 'currency', type: 'text', value: CURRENCY.value },
  { name: 'title', type: 'text', value: `'Order ' || md5(g::text)` },
  { name: 'body', type: 'text', value: BODY, changed: { when: 'g % 3 = 1', value: `${BODY} || '.'` } },
  {
    name: 'document',
    type: 'jsonb',
    value: document(hash(6, 0xfff)),
    changed: { when: 'g % 3 = 2', value: document(`1 + ${hash(6, 0xfff)}`) },
  },
  { name: 'booked_at', type: 'timestamptz', value: BOOKED_AT },
];

const TEXT_KEY: readonly BenchColumn[] = [
  { name: 'account', type: 'text', value: `'A' || lpad(((g - 1) / 8)::text, 9, '0')` },
  { name: 'entry', type: 'text', value: `lpad(((g - 1) % 8)::text, 2, '0')` },
  ...CHANGING,
  CURRENCY,
  QUANTITY,
  MEMO,
];

/** Of seven damaged rows one is missing, one is extra and five are changed. */
const mix = (n: string) =>
  `case ${n} % 7 when 0 then 'missing_in_target' when 1 then 'extra_in_target' else 'field_mismatch' end`;
const NONE = () => 'null::text';

/** One row in each of 350 stretches of equal length, at a place that is different in each. */
function scattered(rows: number): string {
  const stretch = Math.max(1, Math.floor(rows / 350));
  const no = `((g - 1) / ${stretch})`;
  const place = `(hashint8extended(${no}, 10) & 1073741823) % ${stretch}`;
  return `case when ${no} < 350 and (g - 1) % ${stretch} = ${place} then ${mix(no)} end`;
}

const onePercent = () => `case when ${hash(11, 0x3fffffff)} % 100 = 0 then ${mix(hash(12, 0xffff))} end`;

/** One row in a hundred, all of them side by side. */
function hotRange(rows: number): string {
  const from = Math.floor(rows * 0.6);
  return `case when g > ${from} and g <= ${from + Math.floor(rows / 100)} then ${mix('g')} end`;
}

const lines = (name: string, damage: BenchTable['damage']): BenchTable => ({
  name,
  key: ['id'],
  columns: LINES,
  damage,
  rowBytes: 165,
});

/** What `npm run bench` measures with. */
export const TABLES: readonly BenchTable[] = [
  lines('identical', NONE),
  lines('scattered', scattered),
  lines('one_percent', onePercent),
  lines('hot_range', hotRange),
  { name: 'wide', key: ['id'], columns: WIDE, damage: scattered, rowBytes: 720 },
  { name: 'text_key', key: ['account', 'entry'], columns: TEXT_KEY, damage: scattered, rowBytes: 190 },
];

/** The rows of `identical`, of which the target has none: what `--apply` measures with. */
export const EMPTY_TARGET = lines('empty_target', () => `'missing_in_target'`);

/** What `--memory` measures with. */
export const MEMORY_TABLES: readonly BenchTable[] = [
  lines('identical', NONE),
  EMPTY_TARGET,
  lines('empty_source', () => `'extra_in_target'`),
];
