import type { BeforeImage } from '../contracts/before-image';
import type { Comparison } from '../contracts/comparison';
import type { Operation } from '../contracts/correction';
import type { TextRow } from '../contracts/finding';
import { named } from '../contracts/named';
import type { PlanItem } from '../contracts/plan-item';
import type { Queryable } from '../database/connection';
import { sameRow } from './difference';
import { keyText, keyValues } from './key';
import { wrongRows } from './read-back';
import { readRows } from './row';
import type { Side } from './side';

type UndoItem = Pick<PlanItem, 'operation' | 'key' | 'before' | 'after'>;

/**
 * What gives a corrected row back its before-image, from what the target holds `now`: by default, what the correction
 * left there. Null where the row is as it was, or the correction had changed nothing.
 */
export function undoItem(
  comparison: Comparison,
  image: BeforeImage,
  now: TextRow | null = image.after,
): UndoItem | null {
  const { key, before: wanted } = image;
  if (sameRow(wanted, image.after)) return null;
  if (wanted === null) return now === null ? null : { operation: 'delete', key, before: now, after: null };
  const written = new Set(comparison.targetColumns.filter((column) => !column.generated).map((column) => column.name));
  const restored = Object.entries(wanted).filter(
    ([name, value]) => written.has(name) && (now === null || now[name] !== value),
  );
  if (now !== null && restored.length === 0) return null;
  const operation: Operation = now === null ? 'insert' : 'update';
  return { operation, key, before: now, after: Object.fromEntries(restored) };
}

const MOST_COLUMNS = 5;
const LONGEST_VALUE = 60;

function shown(value: string | null | undefined): string {
  if (value === null || value === undefined) return 'NULL';
  const text = value.length <= LONGEST_VALUE ? value : `${value.slice(0, LONGEST_VALUE - 1)}…`;
  return JSON.stringify(text);
}

/** How a row was changed since its correction, with values, for the ledger alone; null: it was not. */
export function changedSince(image: BeforeImage, now: TextRow | null): string | null {
  const left = image.after;
  if (sameRow(now, left)) return null;
  if (now === null) return 'the row was deleted since the correction';
  if (left === null) return 'the row is there again since the correction';
  const names = Object.keys(left).filter((name) => now[name] !== left[name]);
  const columns = names
    .slice(0, MOST_COLUMNS)
    .map((name) => `${name} was ${shown(left[name])}, is ${shown(now[name])}`);
  const more = names.length > MOST_COLUMNS ? `; and ${names.length - MOST_COLUMNS} more columns` : '';
  return `the row was changed since the correction: ${columns.join('; ')}${more}`;
}

/**
 * How the items' target rows differ from what the items were to leave there, by the names of the columns; null: in nothing.
 * By the same equality as when they were read back: what the target maintains of columns that are not compared is its own.
 */
export async function findUnrestored(
  session: Queryable,
  comparison: Comparison,
  side: Side,
  items: readonly PlanItem[],
): Promise<readonly (string | null)[]> {
  const keys = items.map((item) => keyValues(comparison, item.key));
  const after = await readRows(session, comparison, side, keys);
  const before = new Map(
    items.flatMap(({ before: values }, i) => (values === null ? [] : [[keyText(keys[i] ?? []), { values }] as const])),
  );
  const written = { comparison, side, items, before, source: new Map(), after };
  const wrong = new Map((await wrongRows(session, written)).map((row) => [row.item, row]));
  return items.map((item) => {
    const found = wrong.get(item);
    if (!found) return null;
    if (found.now === null) return 'read after its correction, the target does not have the row';
    return item.operation === 'delete'
      ? 'read after its correction, the target has the row again'
      : `read after its correction, the row is not as it was left in ${named(found.columns, MOST_COLUMNS)}`;
  });
}
