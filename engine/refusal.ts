import type { Comparison } from '../contracts/comparison';
import { TrueupError } from '../contracts/errors';
import { named } from '../contracts/named';
import type { PlanItem } from '../contracts/plan-item';
import { DatabaseFailure } from '../database/failure';
import type { CorrectionOutcome } from './apply-context';
import { SideEffectFailure } from './side-effects';

const LOCKED = '55P03';

/** How long a correction waits for a row that somebody else has locked. */
export const LOCK_TIMEOUT = '5s';
/** How long where others have waited so long before. */
export const SHORT_LOCK_TIMEOUT = '250ms';

/** Whether the database refused values or rows, rather than being out of reach. */
export function concernsRows({ sqlState }: DatabaseFailure): boolean {
  return /^(21|22|23|27|42|44|0A|P0|55P03|55000)/.test(sqlState);
}

/**
 * Reads or writes what is none of the rows that are corrected: backups, the plan, the source. Where that is refused no
 * correction is at fault, and none may fail for it: the whole step does, to be tried again. A value that cannot be read or
 * kept (class 22) is the row's, and a deadlock anybody's.
 *
 * @param what what is read or written, with its relation: `backups in trueup.before_image`.
 */
export async function besideRows<T>(what: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (!(error instanceof DatabaseFailure) || /^(22|40)/.test(error.sqlState)) throw error;
    throw new TrueupError(error.code, `${what}: ${error.message}`, { retryable: error.retryable });
  }
}

export function isLocked({ sqlState }: DatabaseFailure): boolean {
  return sqlState === LOCKED;
}

const ATTEMPTS_WHEN_BUSY = 5;

/**
 * Whether a transaction is tried again at once, after so many attempts. A deadlock is one reason. Sessions are pinned to
 * read committed, where PostgreSQL itself finds no serialization failure in the target; 40001 comes from a source that is a
 * standby and cancels a read that is in the way of its recovery, and from triggers that raise it or ask another server.
 */
export function isTriedAgain({ sqlState }: DatabaseFailure, attempts: number): boolean {
  return (sqlState === '40001' || sqlState === '40P01') && attempts < ATTEMPTS_WHEN_BUSY;
}

/**
 * What other corrections may remove: references, unique and exclusive values, whatever a trigger looks for;
 * and what waiting may: somebody else's lock.
 */
const MAY_PASS = /^(23503|23505|23001|23P01|P0|55P03)/;

/** What becomes of a correction that stands alone, and is refused. */
export function refused(item: PlanItem, error: DatabaseFailure, comparison: Comparison): CorrectionOutcome {
  // What a trigger does beside the plan it does at every attempt.
  const mayPass = MAY_PASS.test(error.sqlState) && !(error instanceof SideEffectFailure);
  return {
    seq: item.seq,
    status: 'FAILED',
    error: `${whichColumn(item, error, comparison)}${reasonOf(error, [item])}`,
    mayPass,
  };
}

/** Of a value that its type refuses, which column it is for: one that is written of the type that the database names. */
function whichColumn(item: PlanItem, { sqlState, serverMessage }: DatabaseFailure, { writable }: Comparison): string {
  if (!sqlState.startsWith('22')) return '';
  const type = /type ([^:"]+?)(?=[:"]|$)/.exec(serverMessage)?.[1]?.trim();
  const names = writable.flatMap(({ target, targetType }) =>
    targetType === type && Object.hasOwn(item.after ?? {}, target) ? [target] : [],
  );
  return names.length === 0 ? '' : `column ${names.join(' or ')} does not hold the value as it is: `;
}

/** Why corrections failed, in the database's words; of a lock, which row it is on, and which corrections waited for it. */
export function reasonOf(error: DatabaseFailure, items: readonly PlanItem[]): string {
  const held = isLocked(error) ? `: ${heldBy(error, items)}` : '';
  return `${error.serverMessage}${held} (SQLSTATE ${error.sqlState})`;
}

const MOST_NAMED = 3;

function heldBy({ context }: DatabaseFailure, items: readonly PlanItem[]): string {
  // As PostgreSQL words it: `while locking tuple (0,13) in relation "t"`. Of a whole table's lock it says nothing.
  const at = /tuple \(\d+,\d+\) in relation ".+?"(?!")/.exec(context)?.[0];
  const what = at ?? 'the row, on one that it refers to or that refers to it, or on their table';
  const waiting = items.map(({ table, key }) => `${table} ${JSON.stringify(key)}`);
  return `somebody else holds a lock on ${what}; it was waited for by ${named(waiting, MOST_NAMED)}`;
}
