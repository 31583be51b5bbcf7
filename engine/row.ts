import type { Comparison } from '../contracts/comparison';
import type { TextRow } from '../contracts/finding';
import type { Queryable } from '../database/connection';
import { keyText, type KeyValues } from './key';
import { lookUp } from './look-up';
import { ownValues } from './own-type';
import { alias, keyArrays, Parameters } from './range';
import type { Side } from './side';

/** A row as it was read: its values in text form, and the hash of each compared column. */
export interface Row {
  readonly values: TextRow;
  readonly columnHashes: readonly (string | null)[];
  /** Tells whether the row has changed when it is read again on the same side. */
  readonly digest: string;
  /** Its own key, which may be spelt otherwise than the one that was asked for. */
  readonly key: KeyValues;
  /** Whether it lies in the pair's filter; it is there in any case. */
  readonly inFilter: boolean;
  /** Whether other rows of the side have the same key, so that this one stands for them. */
  readonly isOneOfMany: boolean;
}

/** The key that was asked for, as {@link keyText}, to its row. */
export type RowsByKey = ReadonlyMap<string, Row>;

/** `from` and `where` for the rows of the given keys in the pair's filter, found by the side's own index. */
export function fromKeys(side: Side, keys: readonly KeyValues[], parameters: Parameters): string {
  const arrays = keyArrays(side, keys, parameters);
  const wanted = side.key.map((_, i) => alias('w', i)).join(', ');
  const joined = side.key.map((column, i) => `${column.equal} = "trueup:wanted".${alias('w', i)}`).join(' and ');
  const byIndex = side.key.map(({ own }, i) => {
    if (own === null) return '';
    const values = ownValues(
      own.type,
      keys.map((key) => key[i] ?? null),
    );
    return ` and ${own.column} = any (${parameters.add(values, `${own.type}[]`)})`;
  });
  return `from unnest(${arrays.join(', ')}) as "trueup:wanted"(${wanted}) join ${side.relation} on ${joined}
          where ${side.filter}${byIndex.join('')}`;
}

export interface ReadOptions {
  /** Locks the rows for the rest of the transaction; default: no. */
  readonly lock?: boolean;
  /** Whether the hashes of the columns are wanted; default: yes. */
  readonly hashes?: boolean;
}

/** SQL for all that is read of a row as one text, and for the {@link Row.digest} of that. */
export const rowText = (side: Side) => `row(${side.columns.map((column) => column.text).join(', ')})::text`;
export const digestOf = (text: string) => `hashtextextended(${text} collate "C", 0)`;

/** The key of a row that was selected with {@link keyColumns}. */
export const keyOf = (side: Side, row: Record<string, string | null>) =>
  keyText(side.key.map((_, i) => row[`trueup:k${i}`] ?? null));

/**
 * Reads the rows of the given keys as {@link lookUp} finds them, in the pair's filter or outside of it; a key without a row
 * is not in the answer.
 */
export async function readRows(
  session: Queryable,
  comparison: Comparison,
  side: Side,
  keys: readonly KeyValues[],
  { lock = false, hashes = true }: ReadOptions = {},
): Promise<RowsByKey> {
  if (keys.length === 0) return new Map();
  const parameters = new Parameters();
  const { from, selected: found, wantedOf, ownOf } = lookUp(side, keys, parameters);
  const selected = [
    found,
    ...(side.isFiltered ? [`coalesce(${side.filter}, false) as "trueup:in"`] : []),
    ...side.columns.map((column, i) => `${column.text} as ${alias('c', i)}`),
    ...(hashes ? side.columnHashes.map((hash, i) => `${hash} as ${alias('h', i)}`) : []),
    `${digestOf(rowText(side))} as "trueup:digest"`,
  ];
  // Every transaction locks in the order of the keys, so that two of them cannot wait for each other.
  const locking = lock
    ? ` order by ${side.key.map((column) => column.equal).join(', ')} for update of ${side.table}`
    : '';
  const { rows } = await session.query<Record<string, string | null>>(
    `select ${selected.join(', ')} ${from}${locking}`,
    parameters.values,
  );
  const byKey = new Map<string, Row>();
  for (const row of rows) {
    const wanted = wantedOf(row);
    const read: Row = {
      values: Object.fromEntries(side.columns.map((column, i) => [column.name, row[`trueup:c${i}`] ?? null])),
      columnHashes: hashes ? comparison.columns.map((_, i) => row[`trueup:h${i}`] ?? null) : [],
      digest: row['trueup:digest'] ?? '',
      key: ownOf(row),
      inFilter: !side.isFiltered || row['trueup:in'] === 't',
      isOneOfMany: false,
    };
    const other = byKey.get(wanted);
    byKey.set(wanted, other ? nearer(wanted, other, read) : read);
  }
  return byKey;
}

/** Which of two rows of one key stands for it: the one that is spelt so, then the one in the filter. */
function nearer(wanted: string, a: Row, b: Row): Row {
  const rank = ({ key, inFilter, digest }: Row) => [keyText(key) === wanted, inFilter, digest] as const;
  const [[aSpelt, aIn, aDigest], [bSpelt, bIn, bDigest]] = [rank(a), rank(b)];
  if (aSpelt !== bSpelt) return aSpelt ? a : b;
  if (aIn !== bIn) return aIn ? a : b;
  return { ...(aDigest < bDigest ? a : b), isOneOfMany: true };
}
