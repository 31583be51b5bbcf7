import type { Database } from '../../database/connection';
import { DatabaseFailure } from '../../database/failure';

/** How the target reads times. */
export interface TimeReading {
  readonly database: Database;
  /** The time zone of times without one: the database's own unless the config names another. Our transactions' is always UTC. */
  readonly zone: string;
}

/** @param named The zone of the target's times, where the config or the database has told it already. */
export async function timeReading(database: Database, named?: string | null): Promise<TimeReading> {
  if (named) return { database, zone: named };
  const { rows } = await database.query<{ zone: string }>(
    `select reset_val as zone from pg_settings where name = 'TimeZone'`,
  );
  return { database, zone: rows[0]?.zone ?? 'UTC' };
}

/** Whether a text is a value of the type. */
export async function readTime({ database }: TimeReading, text: string, type: string): Promise<boolean> {
  try {
    await database.query(`select ($1::text)::${type}`, [text]);
    return true;
  } catch (error) {
    // 22007, 22008, 22009: no time, out of range, no such zone.
    if (error instanceof DatabaseFailure && error.sqlState.startsWith('22')) return false;
    throw error;
  }
}
