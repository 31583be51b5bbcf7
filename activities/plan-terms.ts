import type { Guard, GuardBreach } from '../contracts/guard';
import type { RunConfig } from '../contracts/table-pair';
import type { Queryable } from '../database/connection';
import { readTriggers } from '../database/trigger';
import { countUpTo } from '../database/row-count';
import { breachesOf, countedUpTo, type Destruction } from '../engine/guard';
import type { Side } from '../engine/side';
import {
  countDestruction,
  listPlannedOperations,
  listUpdatedColumns,
  requireApproval,
  type PlannedDestruction,
} from '../ledger/approval';
import { readComparison, readRunKind, setBlocked, setTriggers, type FiredTriggers } from '../ledger/run';
import type { Resources } from './resources';

/**
 * Notes which tables the plan changes more of than their guard allows; what does so then needs an approval. To be called
 * before the plan's digest is taken. What no comparison of the run has counted is counted here, no further than it takes.
 */
export async function guardPlan(
  resources: Resources,
  session: Queryable,
  runId: string,
  config: RunConfig,
): Promise<readonly GuardBreach[]> {
  const pairs = new Map(config.tables.map((pair) => [pair.name, pair]));
  const guardOf = (table: string) => (pairs.get(table) ?? config).guard ?? null;
  const destruction: Destruction[] = [];
  for (const planned of await countDestruction(session, runId)) {
    const guard = guardOf(planned.table);
    if (guard !== null) destruction.push(await measured(resources, session, runId, planned, guard));
  }
  const blocked = breachesOf(destruction, guardOf);
  const tables = blocked.map(({ table }) => table);
  if (tables.length > 0) await requireApproval(session, runId, tables);
  await setBlocked(session, runId, blocked);
  return blocked;
}

async function measured(
  resources: Resources,
  session: Queryable,
  runId: string,
  { table, changes, deletes, source, target }: PlannedDestruction,
  guard: Guard,
): Promise<Destruction> {
  const comparison = await readComparison(session, runId, table);
  if (!comparison) return { table, changes, deletes, rows: target, held: target, isSourceEmpty: source === 0 };
  const sides = resources.sides(comparison);
  const countOf = (side: Side, most: number) =>
    side.database.withSession((other) => countUpTo(other, side.relation, side.filter, most));
  const most = countedUpTo(guard, { changes, deletes });
  const counted = target ?? (await countOf(sides.target, most));
  // Counted so far and no further, the table is larger than what either share of it could be broken by.
  const held = target === null && counted >= most ? null : counted;
  const isCompared = (await readRunKind(session, runId)) === 'reconcile';
  // A table that only the plan touches has no source; and a source that cannot be asked does not keep an undo from its rows.
  const isSourceAsked = deletes > 0 && source === null && comparison.targetOnly !== true;
  const isSourceEmpty = isSourceAsked
    ? await countOf(sides.source, 1).then(
        (n) => n === 0,
        () => false,
      )
    : source === 0;
  return { table, changes, deletes, rows: isCompared ? target : counted, held, isSourceEmpty };
}

/** Notes which triggers of the targets the plan would fire. */
export async function noteTriggers(resources: Resources, session: Queryable, runId: string): Promise<void> {
  const fired: FiredTriggers[] = [];
  for (const [table, operations] of await listPlannedOperations(session, runId)) {
    const target = (await readComparison(session, runId, table))?.pair.target;
    if (!target) continue;
    const triggers = await readTriggers(resources.database(target.connection, 'target'), target.schema, target.table);
    // Only a trigger on some columns makes the ledger look through the plan for the columns.
    const asksColumns = operations.includes('update') && triggers.some(({ columns }) => columns.length > 0);
    const updated = new Set(asksColumns ? await listUpdatedColumns(session, runId, table) : []);
    for (const operation of operations) {
      const names = triggers
        .filter((trigger) => trigger.operation === operation)
        .filter(({ columns }) => columns.length === 0 || columns.some((column) => updated.has(column)))
        .map((trigger) => trigger.name);
      if (names.length > 0) fired.push({ table, operation, names: [...new Set(names)] });
    }
  }
  await setTriggers(session, runId, fired);
}
