import type { Comparison } from '../../contracts/comparison';
import type { TextRow } from '../../contracts/finding';
import type { Sides } from '../compare-chunk';
import { keyText, type KeyValues } from '../key';
import { multisetSides } from '../multiset';
import { alias, Parameters } from '../range';
import { fromKeys } from '../row';
import type { Side } from '../side';
import { pagesOf, type PageOptions } from './pages';

/** Rows of a table pair that are told apart in one way: by their key, or else by all that is compared of them. */
export interface Part {
  readonly sides: Sides;
  readonly keyed: boolean;
}

/** Together they hold each row once. */
export function partsOf(comparison: Comparison, sides: Sides): readonly Part[] {
  const keyed: Part = { sides, keyed: true };
  const counted = (kind: 'nulls' | 'multiset'): Part => ({
    sides: multisetSides(comparison, sides, kind),
    keyed: false,
  });
  if (comparison.key.length === 0) return [counted('multiset')];
  return comparison.keyNullable ? [keyed, counted('nulls')] : [keyed];
}

/** What is wanted of rows: texts, as SQL that is a text or NULL. */
export interface Wanted {
  readonly values: readonly string[];
}

/** Which rows of a side are picked. */
export interface Picked extends Wanted {
  /** What is read, by the name of the table; default: the table. */
  readonly from?: string;
  readonly where: string;
  readonly parameters: Parameters;
}

/** Rows that have one key, or that are equal where there is none. */
export interface Suspect {
  readonly key: KeyValues;
  readonly values: readonly (string | null)[];
  readonly rows: number;
  /** By which equal rows are found on the other side; null where the key finds them. */
  readonly hash: string | null;
}

type Read = Record<string, string | null>;

/** The picked rows of a side, a page at a time. */
export async function* suspects(
  { sides: { target: side }, keyed }: Part,
  { from = side.relation, where, values, parameters }: Picked,
  options: PageOptions,
): AsyncGenerator<readonly Suspect[], void, undefined> {
  const hash = keyed ? 'null::bigint' : `min(${side.keyHash})`;
  const text = `select ${selected(side, values)}, ${hash} as "trueup:hash" from ${from}
     where ${side.filter} and (${where}) group by ${keyPlaces(side)}`;
  for await (const rows of pagesOf<Read>(side.database, { text, values: parameters.values }, options)) {
    yield rows.map((row) => suspectOf(side, values, row));
  }
}

/** What the source has of the rows, by {@link keyText}. */
export async function inSource(
  { sides: { source: side }, keyed }: Part,
  page: readonly Suspect[],
  { values }: Wanted,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Suspect>> {
  const parameters = new Parameters();
  const from = keyed
    ? fromKeys(
        side,
        page.map(({ key }) => key),
        parameters,
      )
    : `from ${side.relation} where ${side.filter} and ${side.keyHash} = any (${parameters.add(
        page.map(({ hash }) => hash),
        'bigint[]',
      )})`;
  const text = `select ${selected(side, values)}, null as "trueup:hash" ${from} group by ${keyPlaces(side)}`;
  const { rows } = await side.database.withSession((session) => session.query<Read>(text, parameters.values), signal);
  return new Map(
    rows.map((row) => {
      const found = suspectOf(side, values, row);
      return [keyText(found.key), found];
    }),
  );
}

/** The key of a suspect by the names of the source. */
export function suspectKey({ sides: { source } }: Part, { key }: Suspect): TextRow {
  return Object.fromEntries(source.key.map(({ name }, i) => [name, key[i] ?? null]));
}

/** Two rows may have one key where none was proven unique; what is read of them is the lesser of each. */
function selected(side: Side, values: readonly string[]): string {
  return [
    ...side.key.map(({ text }, i) => `${text} collate "C" as ${alias('k', i)}`),
    ...values.map((value, i) => `min(${value} collate "C") as ${alias('c', i)}`),
    'count(*) as "trueup:rows"',
  ].join(', ');
}

function keyPlaces(side: Side): string {
  return side.key.map((_, i) => String(i + 1)).join(', ');
}

function suspectOf(side: Side, values: readonly string[], row: Read): Suspect {
  return {
    key: side.key.map((_, i) => row[`trueup:k${i}`] ?? null),
    values: values.map((_, i) => row[`trueup:c${i}`] ?? null),
    rows: Number(row['trueup:rows']),
    hash: row['trueup:hash'] ?? null,
  };
}
