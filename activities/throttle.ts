import { setTimeout as sleep } from 'node:timers/promises';
import { TrueupError } from '../contracts/errors';
import type { PauseWhile } from '../contracts/throttle';
import type { Queryable } from '../database/connection';
import { DatabaseFailure } from '../database/failure';
import { readRunConfig } from '../ledger/run';
import type { Resources } from './resources';
import type { StepContext } from './step';

/**
 * Why a run has to pause, such as `lag 12 > 10`; null: it need not.
 *
 * @throws CONFIG_INVALID when the query gives something else than one number.
 */
export async function pauseReason(
  resources: Resources,
  { name, connection, query, above }: PauseWhile,
  signal?: AbortSignal,
): Promise<string | null> {
  const ask = async (session: Queryable) => (await session.query<Record<string, string | null>>(query)).rows;
  const rows = await resources
    .database(connection, 'source')
    .withTransaction('repeatable read, read only', ask, signal)
    .catch((error: unknown) => {
      if (!(error instanceof DatabaseFailure) || error.retryable) throw error;
      throw new TrueupError('CONFIG_INVALID', `throttle.pauseWhile.query: ${error.message}`);
    });
  const text = Object.values(rows[0] ?? {})[0] ?? null;
  if (text === null) return null;
  const value = Number(text);
  // What was found is not repeated: it may be any text of the database.
  if (text.trim() === '' || Number.isNaN(value)) {
    throw new TrueupError('CONFIG_INVALID', 'throttle.pauseWhile.query: it gives no number in its first column');
  }
  return value > above ? `${name} ${value} > ${above}` : null;
}

export interface WatchInput {
  readonly runId: string;
  /** Whether the run is paused now; the watch ends when that has to change. */
  readonly paused: boolean;
}

/** Asks the throttle's query again and again until the run has to pause, or to go on. Returns the reason, or null. */
export async function watchThrottle(resources: Resources, { runId, paused }: WatchInput, context: StepContext) {
  const config = await readRunConfig(await resources.ledger(), runId);
  const pauseWhile = config?.throttle?.pauseWhile ?? null;
  if (pauseWhile === null) throw new TrueupError('INTERNAL', `run ${runId} has no query to pause by`);
  for (;;) {
    const reason = await pauseReason(resources, pauseWhile, context.signal);
    context.report({ paused: reason });
    if ((reason !== null) !== paused) return { reason };
    await sleep(pauseWhile.everyMs, undefined, { signal: context.signal });
  }
}
