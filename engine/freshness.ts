import type { TextRow } from '../contracts/finding';
import type { PlanItem } from '../contracts/plan-item';
import type { Queryable } from '../database/connection';
import type { ApplyContext, CorrectionOutcome } from './apply-context';
import { sameRow } from './difference';
import { keyText, keyValues } from './key';
import { besideRows } from './refusal';
import { readRows, type RowsByKey } from './row';

export interface Freshness {
  /** The target rows of all items, which are locked now. */
  readonly target: RowsByKey;
  /** The source rows of the items that answer a difference, as they are now. */
  readonly source: RowsByKey;
  readonly fresh: readonly PlanItem[];
  /** One for each item that no longer fits. */
  readonly stale: readonly CorrectionOutcome[];
}

/** Locks the target rows of corrections of one table, and tells which of these still fit both sides. */
export async function checkFreshness(
  session: Queryable,
  context: ApplyContext,
  items: readonly PlanItem[],
  signal?: AbortSignal,
): Promise<Freshness> {
  const { comparison, sides } = context;
  const keys = items.map((item) => keyValues(comparison, item.key));
  const target = await readRows(session, comparison, sides.target, keys, { lock: true });
  const source = await readSource(context, items, signal);
  const reasons = items.map((item, i) => {
    const key = keyText(keys[i] ?? []);
    return staleReason(item, target.get(key)?.values ?? null, source.get(key)?.values ?? null);
  });
  return {
    target,
    source,
    fresh: items.filter((_, i) => reasons[i] === null),
    stale: items.flatMap(({ seq }, i): CorrectionOutcome[] => {
      const error = reasons[i] ?? null;
      return error === null ? [] : [{ seq, status: 'SKIPPED_STALE', error, mayPass: false }];
    }),
  };
}

/** Reads the source rows again after the target rows are locked: what is written must hold now. */
async function readSource(
  context: ApplyContext,
  items: readonly PlanItem[],
  signal: AbortSignal | undefined,
): Promise<RowsByKey> {
  const { comparison, sides } = context;
  const keys = items.filter((item) => item.checkSource).map((item) => keyValues(comparison, item.key));
  return besideRows(`the source's ${sides.source.relation}`, () =>
    sides.source.database.withSession((session) => readRows(session, comparison, sides.source, keys), signal),
  );
}

/** Why a correction no longer fits, or null. */
function staleReason(item: PlanItem, target: TextRow | null, source: TextRow | null): string | null {
  if (!sameRow(target, item.before)) {
    if (target === null) return 'the target row is gone since the plan was made';
    return item.before === null
      ? 'the target has the row by now'
      : 'the target row was changed since the plan was made';
  }
  if (!item.checkSource) return null;
  if (item.source === null) return source === null ? null : 'the source has the row by now';
  if (source === null) return 'the source row is gone since the plan was made';
  const changed = Object.entries(item.source).some(([name, value]) => source[name] !== value);
  return changed ? 'the source row was changed since the plan was made' : null;
}
