import type { Queryable } from '../database/connection';

type Growing = 'candidate' | 'reconciliation_log' | 'plan_item' | 'correction_log';

/**
 * Lets the planner know how many rows a table has, after many were entered: it takes a table that it has not looked at
 * for nearly empty, and joins it row by row with all of another. Autovacuum would look too late.
 */
export async function refreshStatistics(ledger: Queryable, table: Growing): Promise<void> {
  await ledger.query(`analyze ${table}`);
}
