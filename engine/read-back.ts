import type { ComparedColumn, Comparison } from '../contracts/comparison';
import type { ColumnDifference, Difference } from '../contracts/difference';
import type { TextRow } from '../contracts/finding';
import type { PlanItem } from '../contracts/plan-item';
import type { Queryable } from '../database/connection';
import { differencesOf } from './difference';
import { withoutEquivalent } from './equivalence';
import { keyDigest, keyRecord, keyText, keyValues, type KeyValues } from './key';
import type { Row, RowsByKey } from './row';
import { RowsRefused } from './rows-refused';
import type { Side } from './side';
import { reasonsFor } from './wrong-row-reason';
import { isOfSource } from './written-value';

/** Corrections of one table that were written, with the rows as they were and as they came out. */
export interface WrittenRows {
  readonly comparison: Comparison;
  readonly side: Side;
  readonly items: readonly PlanItem[];
  readonly before: ReadonlyMap<string, Pick<Row, 'values'>>;
  /** The source's rows, read under the lock of the target's; none of what does not come from the source. */
  readonly source: RowsByKey;
  readonly after: RowsByKey;
}

/** A row that did not come out as its correction says. */
export interface WrongRow {
  readonly item: PlanItem;
  /** The row as it came out; null: none is found under its key. */
  readonly now: TextRow | null;
  /** The row as it was before; null: there was none. */
  readonly was: TextRow | null;
  /** The target's columns that are wrong; empty: the row is there where it must be gone, or is not there. */
  readonly columns: readonly string[];
}

/**
 * Makes sure that each row came out as its correction says. What answers a difference must leave none, by the comparison's
 * own equality. What is given back, a cascade or a reviewer's own value must be held as it was written, by the type's
 * equality; what it does not write must be as it was, of the columns that are compared. Others may be maintained by the target.
 *
 * @throws RowsRefused, naming the column and what is likely to have changed it.
 */
export async function confirmWritten(session: Queryable, written: WrittenRows): Promise<void> {
  const wrong = await wrongRows(session, written);
  if (wrong.length === 0) return;
  const { reasons, mayPass } = await reasonsFor(session, written, wrong);
  throw new RowsRefused(reasons, mayPass);
}

/** What a correction was to leave in its row. */
interface Expected {
  /** The source's row, which it must be equal to in all compared columns but those below; null: it comes from elsewhere. */
  readonly source: TextRow | null;
  /** Texts that columns of the target must hold. */
  readonly texts: ReadonlyMap<string, string | null>;
  /** Columns that nothing is said of. */
  readonly free: ReadonlySet<string>;
}

export async function wrongRows(session: Queryable, written: WrittenRows): Promise<readonly WrongRow[]> {
  const { comparison, items, before, source, after } = written;
  const rows = items.map((item) => {
    const key = keyValues(comparison, item.key);
    const id = keyText(key);
    const [now, was] = [after.get(id)?.values ?? null, before.get(id)?.values ?? null];
    const expected = now === null ? null : expectedOf(comparison, item, source.get(id), was);
    return { item, key, now, was, expected };
  });
  const bound = rows.filter(({ expected }) => expected !== null && expected.source !== null);
  const inSession = <T>(use: (session: Queryable) => Promise<T>) => use(session);
  const keys = bound.map(({ key }) => key);
  const bySource = new Map(
    (await differencesOf(comparison, keys, source, after, inSession)).map((difference, i) => [bound[i], difference]),
  );
  const unequal = await withoutEquivalent(
    asWritten(comparison),
    rows.map(({ key, now, expected }) => expected && now && textDifference(comparison, key, expected.texts, now)),
    inSession,
  );
  return rows.flatMap((row, i): readonly WrongRow[] => {
    const { item, now, was, expected } = row;
    if (now === null) return item.operation === 'delete' ? [] : [{ item, now, was, columns: [] }];
    if (item.operation === 'delete') return [{ item, now, was, columns: [] }];
    const apart = (bySource.get(row)?.differences ?? []).map(({ targetName }) => targetName);
    const columns = [
      ...apart.filter((name) => !expected?.texts.has(name) && !expected?.free.has(name)),
      ...(unequal[i]?.differences ?? []).map(({ targetName }) => targetName),
    ];
    return columns.length === 0 ? [] : [{ item, now, was, columns }];
  });
}

function expectedOf(comparison: Comparison, item: PlanItem, row: Row | undefined, was: TextRow | null): Expected {
  const { operation, checkSource } = item;
  const written = item.after ?? {};
  const compared = new Set([...comparison.key, ...comparison.columns].map(({ target }) => target));
  const source = operation !== 'delete' && checkSource && item.source !== null && row ? row.values : null;
  const sourceName = new Map(comparison.writable.map((column) => [column.target, column.source]));
  // What is not the source's value is a reviewer's own.
  const isOwn = (name: string) => !isOfSource(item, name) || source?.[sourceName.get(name) ?? ''] !== written[name];
  const own = Object.keys(written).filter(isOwn);
  // A value that is given back in a column that may differ is the target's own matter, as it was before.
  const binding = checkSource || comparison.targetOnly ? own : own.filter((name) => compared.has(name));
  const texts = new Map(binding.map((name) => [name, written[name] ?? null]));
  const generated = new Set(comparison.targetColumns.flatMap((column) => (column.generated ? [column.name] : [])));
  if (operation === 'update' && own.length > 0) {
    const untouched = [...compared].filter((name) => !(name in written) && !generated.has(name));
    for (const name of untouched) texts.set(name, was?.[name] ?? null);
  }
  // An update that leaves the spelling of a key alone is not to change it; it need not be the source's.
  const keyNames = operation === 'update' ? comparison.key.map(({ target }) => target) : [];
  const spelling = keyNames.filter((name) => !(name in written));
  for (const name of spelling) texts.set(name, was?.[name] ?? null);
  return { source, texts, free: own.length > 0 ? generated : new Set() };
}

/** How a row differs from texts that it was to hold, column by column in the target's names; null: in nothing. */
function textDifference(
  comparison: Comparison,
  key: KeyValues,
  texts: ReadonlyMap<string, string | null>,
  now: TextRow,
): Difference | null {
  const differences = [...texts].flatMap(([name, source]): ColumnDifference[] => {
    const target = now[name] ?? null;
    return source === target ? [] : [{ name, targetName: name, source, target }];
  });
  if (differences.length === 0) return null;
  return {
    keyDigest: keyDigest(key),
    key: keyRecord(comparison, key),
    type: 'field_mismatch',
    source: null,
    target: now,
    digests: { source: null, target: null },
    differences,
    counts: null,
  };
}

/** The target's columns compared with themselves: equal is what their types call so. */
function asWritten(comparison: Comparison): Comparison {
  const columns = comparison.targetColumns.map(({ name, type }): ComparedColumn => {
    return { source: name, target: name, type, castTo: null, equivalence: { kind: 'equal', type } };
  });
  return { ...comparison, columns };
}
