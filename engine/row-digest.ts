import type { Queryable } from '../database/connection';
import type { KeyValues } from './key';
import { lookUp, type LookUp } from './look-up';
import { keyColumns, Parameters } from './range';
import { digestOf, fromKeys, keyOf, rowText } from './row';
import type { Side } from './side';

type Selected = Record<string, string | null>;

/** A row's digest (see `Row.digest`), and how many characters its values have, about. */
export interface RowDigest {
  readonly digest: string;
  readonly characters: number;
}

/** The digests of the rows of the given keys, key text to digest; a key without a row is not in the answer. */
export function readDigests(
  session: Queryable,
  side: Side,
  keys: readonly KeyValues[],
): Promise<ReadonlyMap<string, RowDigest>> {
  // The text is made once for both.
  const statement = ({ selected, names, from }: LookUp) =>
    `select ${names}, ${digestOf('"trueup:text"')} as "trueup:digest", char_length("trueup:text") as "trueup:characters"
       from (select ${selected}, ${rowText(side)} as "trueup:text" ${from} offset 0) as "trueup:read"`;
  return readByKey(session, side, keys, statement, (row) => ({
    digest: row['trueup:digest'] ?? '',
    characters: Number(row['trueup:characters']),
  }));
}

/** The hashes of the rows of the given keys, by which equal rows of both sides are known; key text to hash. */
export function readHashes(
  session: Queryable,
  side: Side,
  keys: readonly KeyValues[],
): Promise<ReadonlyMap<string, string>> {
  const statement = ({ selected, from }: LookUp) => `select ${selected}, ${side.rowHash} as "trueup:hash" ${from}`;
  return readByKey(session, side, keys, statement, (row) => row['trueup:hash'] ?? '');
}

/** As {@link readHashes}, of the rows in the pair's filter alone, each by the spelling of its own key. */
export async function readFilteredHashes(
  session: Queryable,
  side: Side,
  keys: readonly KeyValues[],
): Promise<ReadonlyMap<string, string>> {
  if (keys.length === 0) return new Map();
  const parameters = new Parameters();
  const { rows } = await session.query<Selected>(
    `select ${keyColumns(side)}, ${side.rowHash} as "trueup:hash" ${fromKeys(side, keys, parameters)}`,
    parameters.values,
  );
  return new Map(rows.map((row) => [keyOf(side, row), row['trueup:hash'] ?? '']));
}

async function readByKey<T>(
  session: Queryable,
  side: Side,
  keys: readonly KeyValues[],
  statement: (found: LookUp) => string,
  valueOf: (row: Selected) => T,
): Promise<ReadonlyMap<string, T>> {
  if (keys.length === 0) return new Map();
  const parameters = new Parameters();
  const found = lookUp(side, keys, parameters);
  const { rows } = await session.query<Selected>(statement(found), parameters.values);
  const byKey = new Map<string, T>();
  for (const row of rows) {
    const wanted = found.wantedOf(row);
    // What more than one row says is equal to nothing, so that the rows themselves are read.
    const several = `several in the ${side.role}`;
    byKey.set(wanted, valueOf(byKey.has(wanted) ? { 'trueup:digest': several, 'trueup:hash': several } : row));
  }
  return byKey;
}
