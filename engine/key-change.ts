import type { PlanItem } from '../contracts/plan-item';
import type { Queryable } from '../database/connection';
import type { ForeignKey } from '../database/foreign-key';
import { DatabaseFailure } from '../database/failure';
import type { ApplyContext } from './apply-context';
import { countReferring } from './cascade';
import { findEffects, nameOf, type Effect } from './effect';
import { keyText, keyValues } from './key';
import type { RowsByKey } from './row';

const EFFECT: Readonly<Record<string, string>> = { c: 'change', n: 'set to NULL', d: 'set to a default' };

/** Whether the same transaction gives a row that refers by this key, in these columns of its own, what is planned. */
export type Corrected = (effect: Effect, columns: readonly string[]) => boolean;

/**
 * Updates that change what other rows refer to where ON UPDATE would change those too, which nobody approved: their `seq`
 * to the reason. Called with the rows to be updated locked: no reference to them can be added then.
 */
export async function checkKeyChanges(
  session: Queryable,
  context: ApplyContext,
  items: readonly PlanItem[],
  isCorrected: Corrected = () => false,
): Promise<ReadonlyMap<string, string>> {
  const refused = new Map<string, string>();
  const { comparison } = context;
  const side = context.sides.target;
  for (const { key, children } of context.keyChanges) {
    const changing = items.filter((item) => changedColumns(key, item.before, item.after ?? {}).length > 0);
    if (changing.length === 0) continue;
    const keys = changing.map((item) => keyValues(comparison, item.key));
    if ('why' in children) {
      const referring = children.visible ? await countReferring(session, side, key, keys) : null;
      changing.forEach(({ seq }, i) => {
        const rows = referring?.get(keyText(keys[i] ?? [])) ?? 0;
        if (referring === null) refused.set(seq, unseen(key, children.why));
        else if (rows > 0) refused.set(seq, `${unplanned(key, rows)}: ${children.why}`);
      });
      continue;
    }
    const counts = new Map<PlanItem, number>();
    for (const child of children) {
      // What the rows would be set to is not asked here, but which they are.
      for await (const effects of findEffects(session, side, keys, { ...key, onDelete: 'c' }, child)) {
        for (const effect of effects) {
          const item = changing[effect.parent];
          if (!item || isCorrected(effect, columnsSet(key, item))) continue;
          counts.set(item, (counts.get(item) ?? 0) + 1);
        }
      }
    }
    for (const [{ seq }, rows] of counts) refused.set(seq, unplanned(key, rows));
  }
  return refused;
}

/**
 * Makes sure that no update has changed what rows may refer to beyond what it says: by a trigger, or a generated column.
 *
 * @throws DatabaseFailure with SQLSTATE P0001
 */
export function confirmKeyChanges(
  { comparison, keyChanges }: ApplyContext,
  items: readonly PlanItem[],
  before: RowsByKey,
  after: RowsByKey,
): void {
  for (const { key } of keyChanges) {
    for (const item of items) {
      const id = keyText(keyValues(comparison, item.key));
      const [was, is] = [before.get(id)?.values ?? {}, after.get(id)?.values ?? {}];
      const said = changedColumns(key, item.before, item.after ?? {});
      const changed = changedColumns(key, was, is).filter((name) => !said.includes(name));
      if (changed.length === 0) continue;
      const why = `updating it also changed ${changed.join(', ')}, which ${nameOf(key)} refers to on update`;
      throw new DatabaseFailure('DATABASE_ERROR', why, 'P0001', why);
    }
  }
}

type Row = Readonly<Record<string, string | null>>;

/** The columns referred to that a row has otherwise than before. */
function changedColumns({ parent }: ForeignKey, before: Row | null, after: Row): readonly string[] {
  return parent.columns.filter((name) => name in after && after[name] !== before?.[name]);
}

/** The child's columns that the database would set. */
function columnsSet(key: ForeignKey, item: PlanItem): readonly string[] {
  if (key.onUpdate !== 'c') return key.child.columns;
  const changed = changedColumns(key, item.before, item.after ?? {});
  return key.child.columns.filter((_, i) => changed.includes(key.parent.columns[i] ?? ''));
}

function unplanned(key: ForeignKey, rows: number): string {
  const { child, parent, onUpdate, name } = key;
  const columns = parent.columns.join(', ');
  return `changing ${columns} would ${EFFECT[onUpdate] ?? 'change'} ${rows} row(s) of ${child.schema}.${child.table} that refer to the old value (${name})`;
}

function unseen(key: ForeignKey, why: string): string {
  const { child, parent, name } = key;
  return `whether changing ${parent.columns.join(', ')} would touch ${child.schema}.${child.table} cannot be seen (${name}): ${why}`;
}
