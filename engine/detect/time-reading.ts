import type { Database } from '../../database/connection';
import { DatabaseFailure } from '../../database/failure';

/** How the target reads times. */
export interface TimeReading {
  readonly database: Database;
  /** The time zone of the database itself: that of our sessions is always UTC. */
  readonly zone: string;
}

export async function timeReading(database: Database): Promise<TimeReading> {
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
