import { TrueupError } from '../contracts/errors';
import type { Queryable } from '../database/connection';
import { readForeignKeys, type ForeignKey } from '../database/foreign-key';
import {
  beginLevels,
  beginOrder,
  listOrderable,
  mayOrder,
  moveByLevel,
  nextLevel,
  noteReferences,
  type Orderable,
} from '../ledger/row-order';
import { countPlan } from '../ledger/plan';
import { readComparison } from '../ledger/run';
import { refreshStatistics } from '../ledger/statistics';
import type { Resources } from './resources';
import type { StepContext } from './step';

/** References in a row that are followed; what lies deeper, or in a ring, is left to the passes of applying. */
const DEEPEST = 2_000;

/**
 * Puts rows of a table that refer to others of it in order: inserts after those, deletes before them. In the transaction
 * that makes the plan; returns whether the plan has to be numbered anew.
 */
export async function orderRows(
  resources: Resources,
  session: Queryable,
  runId: string,
  context: StepContext,
): Promise<boolean> {
  const known = new Map<string, readonly ForeignKey[]>();
  let moved = 0;
  await refreshStatistics(session, 'plan_item', await countPlan(session, runId));
  for (const { table, operation } of await listOrderable(session, runId)) {
    const comparison = await readComparison(session, runId, table);
    if (!comparison) throw new TrueupError('RUN_NOT_FOUND', `run ${runId} has no table ${table} in the ledger`);
    const { target } = comparison.pair;
    const all =
      known.get(target.connection) ?? (await readForeignKeys(resources.database(target.connection, 'target')));
    known.set(target.connection, all);
    const isHere = (end: ForeignKey['child']) => end.schema === target.schema && end.table === target.table;
    const own = all.filter(({ child, parent }) => isHere(child) && isHere(parent));
    if (own.length > 0) moved += await orderTable(session, runId, { table, operation }, own, context);
  }
  return moved > 0;
}

async function orderTable(
  session: Queryable,
  runId: string,
  of: Orderable,
  own: readonly ForeignKey[],
  context: StepContext,
): Promise<number> {
  // Without tables of its own for the time being, the order is left to the passes as well.
  if (!(await mayOrder(session))) return 0;
  await beginOrder(session);
  for (const { child, parent } of own) {
    await noteReferences(session, runId, of, { columns: child.columns, refersTo: parent.columns });
  }
  const waiting = await beginLevels(session);
  let reached = 0;
  let level = 0;
  while (reached < waiting && level < DEEPEST) {
    context.signal.throwIfAborted();
    const further = await nextLevel(session, level + 1);
    if (further === 0) break;
    level += 1;
    reached += further;
    context.report({ ordered: reached });
  }
  return moveByLevel(session, runId, of.operation, level + 1);
}
