import type { Queryable } from '../database/connection';

/**
 * Runs what writes rows with the search_path that a session on this database has by default: triggers, checks and defaults
 * of the target are written for it, and find their tables by it. Our own statements name the schema of everything. Where
 * `use` throws, the transaction is over, and the setting with it.
 */
export async function withDefaultPath<T>(session: Queryable, use: () => Promise<T>): Promise<T> {
  await session.query('set local search_path to default');
  const result = await use();
  await session.query('set local search_path to pg_catalog');
  return result;
}
