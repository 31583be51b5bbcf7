import type { Queryable } from '../database/connection';

type Growing = 'candidate' | 'reconciliation_log' | 'plan_item' | 'correction_log';

/** Fewer rows do not mislead the planner much. */
const MANY = 1_000;

/**
 * Lets the planner know how many rows a table has, where many were `entered`: it takes a table that it has not looked at
 * for nearly empty, and joins it row by row with all of another. Autovacuum would look too late.
 */
export async function refreshStatistics(ledger: Queryable, table: Growing, entered: number): Promise<void> {
  if (entered < MANY) return;
  await ledger.query(`analyze ${table}`);
}
