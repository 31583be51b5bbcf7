import type { RunConfig } from '../contracts/table-pair';
import type { Queryable } from '../database/connection';
import { readTriggers } from '../database/trigger';
import { breachesOf } from '../engine/guard';
import { countDestruction, listPlannedOperations, listUpdatedColumns, requireApproval } from '../ledger/approval';
import { readComparison, setBlocked, setTriggers, type FiredTriggers } from '../ledger/run';
import type { Resources } from './resources';

/**
 * Notes which tables the plan changes more of than their guard allows; what does so then needs an approval. To be called
 * before the plan's digest is taken.
 */
export async function guardPlan(session: Queryable, runId: string, config: RunConfig): Promise<void> {
  const pairs = new Map(config.tables.map((pair) => [pair.name, pair]));
  const guardOf = (table: string) => (pairs.get(table) ?? config).guard ?? null;
  const blocked = breachesOf(await countDestruction(session, runId), guardOf);
  const tables = blocked.map(({ table }) => table);
  if (tables.length > 0) await requireApproval(session, runId, tables);
  await setBlocked(session, runId, blocked);
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
