import type { Comparison } from '../contracts/comparison';
import type { Reading } from '../contracts/difference';
import type { RowInconsistencyType } from '../contracts/finding';
import type { Database, Queryable } from '../database/connection';
import { DatabaseFailure } from '../database/failure';
import type { Sides } from './compare-chunk';
import { keyText, keyValues, type KeyValues } from './key';
import { settledBoth } from './locate';
import { lookUp } from './look-up';
import { Parameters } from './range';
import type { Side } from './side';

/*
 * A difference that was there all through the settling window needs no waiting: it is not in flight. What proves that
 * is the order of transactions. PostgreSQL's last checkpoint names the oldest transaction that ran when it began: each
 * one below, the horizon, had ended by then, with all its subtransactions, prepared or not. So a row version that was
 * written from below the horizon has been visible since the checkpoint; and where no transaction from the horizon on
 * has ended yet, nothing at all has changed since, not even by a delete, which leaves no row to look at.
 *
 * It counts on the server's clock not to jump by more than the margin below, and on transactions alone changing what a
 * table holds: hence plain tables only, whose definition has not changed either. Nothing is proven in doubt; what is
 * not proven settles by waiting.
 */

/** A checkpoint notes the time, in whole seconds, a moment before it looks at what runs. */
export const CLOCK_MARGIN_MS = 5_000;

const CIRCLE = 1n << 32n;
const HALF = 1n << 31n;
/** Row versions that have always been there bear one of these. */
const PERMANENT: readonly string[] = ['1', '2'];
/** The lowest number that a transaction gets. */
const FIRST_NORMAL = 3n;

/**
 * Below which number (64 bit) every transaction of a database's server had ended `windowMs` ago; null where that cannot
 * be proven: no checkpoint is as old, the server is a standby or was promoted since, or does not tell.
 */
export async function readHorizon(database: Database, windowMs: number, signal?: AbortSignal): Promise<bigint | null> {
  try {
    const { rows } = await database.withSession(
      (session) =>
        session.query<{ oldest: string; next: string; shutdown: string }>(
          `select c.oldest_active_xid::text as oldest, c.next_xid as next,
                  current_setting('max_prepared_transactions') = '0' and current_setting('wal_level') <> 'minimal' as shutdown
             from pg_control_checkpoint() as c
            where not pg_is_in_recovery()
              and c.checkpoint_time + $1::float8 * interval '1 millisecond' <= clock_timestamp()
              and c.timeline_id = case when not pg_is_in_recovery() then
                    ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end`,
          [windowMs + CLOCK_MARGIN_MS],
        ),
      signal,
    );
    return rows[0] ? horizonOf(rows[0].oldest, rows[0].next, rows[0].shutdown === 't') : null;
  } catch (error) {
    if (error instanceof DatabaseFailure && /^(42|0A)/.test(error.sqlState)) return null;
    throw error;
  }
}

/**
 * The horizon in 64 bits: the highest number of those low bits that is not above `next`, `epoch:number`. The checkpoint
 * of a shutdown, or of a recovery from a crash, names no oldest one: no transaction is left then. `isShutdown` says that
 * no other checkpoint can be without: none is where the WAL is not minimal, and there are no prepared transactions, which
 * survive, where the server takes none. Null for a checkpoint that tells nothing.
 */
export function horizonOf(oldest: string, next: string, isShutdown: boolean): bigint | null {
  const low = BigInt(oldest);
  const [epoch, number] = next.split(':').map(BigInt);
  if (epoch === undefined || number === undefined) return null;
  const end = epoch * CIRCLE + number;
  if (low === 0n && isShutdown) return end < FIRST_NORMAL ? null : end;
  if (low < FIRST_NORMAL) return null;
  const horizon = end - ((end - low) & (CIRCLE - 1n));
  return horizon < FIRST_NORMAL ? null : horizon;
}

/**
 * Whether a row version that bears this number (32 bit, in decimal) was written from below the horizon. The number of
 * a version that was frozen long ago may count as new again: that only costs the proof. It needs all transactions
 * since the horizon to be fewer than 2^31.
 */
export function isBelow(xid: string, horizon: bigint): boolean {
  if (PERMANENT.includes(xid)) return true;
  const number = BigInt(xid);
  if (number < FIRST_NORMAL) return false;
  const behind = (horizon - number) & (CIRCLE - 1n);
  return behind > 0n && behind < HALF;
}

export interface Horizons {
  readonly source: bigint | null;
  readonly target: bigint | null;
}

/** The horizons of both sides' servers. */
export async function readHorizons(sides: Sides, windowMs: number, signal?: AbortSignal): Promise<Horizons> {
  const [source, target] = await settledBoth(
    readHorizon(sides.source.database, windowMs, signal),
    readHorizon(sides.target.database, windowMs, signal),
  );
  return { source, target };
}

/** What can be said of one side as it is now. */
interface Past {
  /** Whether nothing has changed on the server since the horizon. */
  readonly isQuiet: boolean;
  /** Whether all versions of the key's row are from below the horizon; null: there is no such row. */
  isCold(key: KeyValues): boolean | null;
}

/** The kinds of difference of which something may be proven as things stand; see {@link provenSettled}. */
export async function provableTypes(
  comparison: Comparison,
  sides: Sides,
  horizons: Horizons,
  readTwice: boolean,
  signal?: AbortSignal,
): Promise<readonly RowInconsistencyType[]> {
  const [source, target] = await settledBoth(
    readPast(sides.source, horizons.source, [], signal),
    readPast(sides.target, horizons.target, [], signal),
  );
  if (source === null || target === null) return [];
  const mayVanish = comparison.pair.where !== null;
  return [
    'field_mismatch',
    ...(source.isQuiet && !mayVanish ? (['extra_in_target'] as const) : []),
    ...((target.isQuiet || (readTwice && source.isQuiet)) && !mayVanish ? (['missing_in_target'] as const) : []),
  ];
}

/** Whether nothing has changed since the horizon; null: the table is of a kind of which nothing can be proven. */
async function readQuietness(session: Queryable, side: Side, horizon: bigint): Promise<boolean | null> {
  const { rows } = await session.query<{ ended: string; definition: string }>(
    `select pg_snapshot_xmax(pg_current_snapshot())::text as ended,
            array_to_string(array(select c.xmin::text union
                                  select a.xmin::text from pg_attribute a where a.attrelid = c.oid), ' ') as definition
       from pg_class c
      where c.oid = to_regclass($1) and c.relkind = 'r' and not c.relrowsecurity
        and not exists (select from pg_inherits i where i.inhparent = c.oid)`,
    [side.relation],
  );
  const row = rows[0];
  if (!row) return null;
  // One past the last transaction that has ended.
  const ended = BigInt(row.ended);
  const isKnown = ended - horizon < HALF && row.definition.split(' ').every((xid) => isBelow(xid, horizon));
  return isKnown ? ended <= horizon : null;
}

async function readPast(
  side: Side,
  horizon: bigint | null,
  keys: readonly KeyValues[],
  signal: AbortSignal | undefined,
): Promise<Past | null> {
  if (horizon === null) return null;
  return side.database.withTransaction(
    'repeatable read, read only',
    async (session) => {
      const isQuiet = await readQuietness(session, side, horizon);
      if (isQuiet === null) return null;
      const cold = keys.length === 0 ? new Map<string, boolean>() : await readCold(session, side, horizon, keys);
      return { isQuiet, isCold: (key: KeyValues) => cold.get(keyText(key)) ?? null };
    },
    signal,
  );
}

/** Key of a row to whether it is cold; only for a side that is a plain table. */
async function readCold(
  session: Queryable,
  side: Side,
  horizon: bigint,
  keys: readonly KeyValues[],
): Promise<ReadonlyMap<string, boolean>> {
  const parameters = new Parameters();
  const found = lookUp(side, keys, parameters);
  const { rows } = await session.query<Record<string, string | null>>(
    `select ${found.selected}, ${side.table}.xmin::text as "trueup:xmin", ${side.table}.xmax::text as "trueup:xmax"
       ${found.from}`,
    parameters.values,
  );
  const cold = new Map<string, boolean>();
  for (const row of rows) {
    const key = found.wantedOf(row);
    const [xmin, xmax] = [row['trueup:xmin'] ?? '0', row['trueup:xmax'] ?? '0'];
    // Who holds a lock on the row may be about to change it.
    const isCold = isBelow(xmin, horizon) && (xmax === '0' || isBelow(xmax, horizon));
    cold.set(key, isCold && (cold.get(key) ?? true));
  }
  return cold;
}

/**
 * Which of the differences that were just read cannot be in flight, by their key digests. What is proven holds from
 * the horizon until after the readings were taken, so what they read is covered.
 *
 * - A mismatch: nobody wrote either row.
 * - An extra row: nobody wrote it, nor anything on the source's server, where its row may have been deleted.
 * - A missing row: nobody wrote the source's row, nor anything on the target's server; or, where it was found missing
 *   twice with a delay between (`readTwice`), nor anything on the source's server: then whatever copies from there to
 *   the target has had the whole window, and nobody is writing to both.
 */
export async function provenSettled(
  comparison: Comparison,
  sides: Sides,
  horizons: Horizons,
  readings: readonly Reading[],
  readTwice: boolean,
  signal?: AbortSignal,
): Promise<ReadonlySet<string>> {
  const still = readings.filter((reading) => reading.state === 'still');
  if (still.length === 0) return new Set();
  const keys = still.map((reading) => keyValues(comparison, reading.key));
  const [source, target] = await settledBoth(
    readPast(sides.source, horizons.source, keys, signal),
    readPast(sides.target, horizons.target, keys, signal),
  );
  if (source === null || target === null) return new Set();
  // A filter may let a row in or out by what is no part of it, such as the time.
  const mayVanish = comparison.pair.where !== null;
  const isProven = (type: RowInconsistencyType, key: KeyValues): boolean => {
    const [inSource, inTarget] = [source.isCold(key), target.isCold(key)];
    switch (type) {
      case 'field_mismatch':
        return inSource === true && inTarget === true;
      case 'extra_in_target':
        return inSource === null && inTarget === true && source.isQuiet && !mayVanish;
      case 'missing_in_target': {
        const isQuiet = target.isQuiet || (readTwice && source.isQuiet);
        return inSource === true && inTarget === null && isQuiet && !mayVanish;
      }
    }
  };
  return new Set(still.filter(({ type }, i) => isProven(type, keys[i] ?? [])).map(({ keyDigest }) => keyDigest));
}
