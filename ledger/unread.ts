import type { Unread } from '../contracts/comparison';
import type { Queryable } from '../database/connection';

/** Why a table of a run cannot be read as a whole; null: nothing is known against it. */
export async function readUnread(ledger: Queryable, runId: string, table: string): Promise<Unread | null> {
  const { rows } = await ledger.query<{ unread: string | null }>(
    'select unread from run_table where run_id = $1 and table_name = $2',
    [runId, table],
  );
  const unread = rows[0]?.unread ?? null;
  return unread === null ? null : (JSON.parse(unread) as Unread);
}

/**
 * Notes that a table could not be read as a whole, at whatever time that was seen: what was found to differ in it is no
 * finding, as it may be what is not seen. The first reason stands.
 */
export async function noteUnread(ledger: Queryable, runId: string, table: string, unread: Unread): Promise<void> {
  await ledger.query(
    `update run_table set unread = coalesce(unread, $3::jsonb)
      where run_id = $1 and table_name = $2 and settled_at is null`,
    [runId, table, JSON.stringify(unread)],
  );
}
