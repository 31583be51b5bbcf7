import { TrueupError } from '../../contracts/errors';
import type { RunReport } from '../../contracts/run';
import type { Queryable } from '../../database/connection';
import { listRuns, readNewestReport } from '../../ledger/report';
import type { Context } from './context';

/** A ledger without its tables is one that no run was written to yet. */
export async function orIfEmpty<T>(read: Promise<T>, empty: T): Promise<T> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof TrueupError && error.code === 'TABLE_NOT_FOUND') return empty;
    throw error;
  }
}

/** What the ledger knows of a run; null when nothing. */
export function findReport(ledger: Queryable, ref: string): Promise<RunReport | null> {
  return orIfEmpty(readNewestReport(ledger, ref), null);
}

export function recentRuns(ledger: Queryable, limit: number): Promise<readonly RunReport[]> {
  return orIfEmpty(listRuns(ledger, limit), []);
}

/** Throws RUN_NOT_FOUND. */
export async function knownReport(context: Context, ref: string): Promise<RunReport> {
  const report = await findReport(context.ledger, ref);
  if (report === null) throw new TrueupError('RUN_NOT_FOUND', `no run ${ref} in the ledger`);
  return report;
}
