import type { BeforeImage } from '../contracts/before-image';
import type { Comparison } from '../contracts/comparison';
import type { Operation } from '../contracts/correction';
import type { TextRow } from '../contracts/finding';
import type { PlanItem } from '../contracts/plan-item';
import type { Queryable } from '../database/connection';
import { sameRow } from './difference';
import { keyText, keyValues } from './key';
import { readRows } from './row';
import type { Side } from './side';

type UndoItem = Omit<PlanItem, 'source' | 'checkSource' | 'needsApproval' | 'seq' | 'table'>;

const REVERSE: Readonly<Record<Operation, Operation>> = { insert: 'delete', update: 'update', delete: 'insert' };

/** What gives a corrected row back its before-image; null where the correction had changed nothing. */
export function undoItem(comparison: Comparison, image: BeforeImage): UndoItem | null {
  if (sameRow(image.before, image.after)) return null;
  const written = new Set(comparison.targetColumns.filter((column) => !column.generated).map((column) => column.name));
  const before = image.before === null ? null : Object.entries(image.before).filter(([name]) => written.has(name));
  const restored = before?.filter(([name, value]) => image.after === null || image.after[name] !== value) ?? null;
  const after: TextRow | null = restored === null ? null : Object.fromEntries(restored);
  return { operation: REVERSE[image.operation], key: image.key, before: image.after, after };
}

/** How many of the items' target rows do not hold what the items were to write. */
export async function countUnrestored(
  session: Queryable,
  comparison: Comparison,
  side: Side,
  items: readonly Pick<PlanItem, 'key' | 'before' | 'after'>[],
): Promise<number> {
  const keys = items.map((item) => keyValues(comparison, item.key));
  const rows = await readRows(session, comparison, side, keys);
  const generated = new Set(comparison.targetColumns.flatMap(({ name, generated }) => (generated ? [name] : [])));
  return items.filter((item, i) => {
    const now = rows.get(keyText(keys[i] ?? []))?.values ?? null;
    const wanted = item.after === null ? null : { ...(item.before ?? {}), ...item.after };
    if (wanted === null || now === null) return wanted !== now;
    // A generated column follows from the others; what it held before is not among what was to be written.
    return Object.entries(wanted).some(([name, value]) => !generated.has(name) && now[name] !== value);
  }).length;
}
