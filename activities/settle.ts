import { Batch } from '../engine/batch';
import { provableTypes, provenSettled, readHorizons } from '../engine/cold';
import { settle } from '../engine/settle';
import { countOpenCandidates, nextCandidates, recordReadings } from '../ledger/candidate';
import { isResumed } from '../ledger/resume';
import { updateTablePhase } from '../ledger/run';
import { settleProven } from '../ledger/settled';
import { refreshStatistics } from '../ledger/statistics';
import type { TableStep } from './compare';
import { recount } from './recount';
import { afterReading, beforeReading, databasesOf } from './replay';
import type { Resources } from './resources';
import type { StepContext } from './step';
import { unlessUnread } from './unread';

export interface SettleStep extends TableStep {
  /**
   * Counted from 1; each candidate is read once for each attempt. The first comes at once, and reads only what it may
   * prove to be settled, and what an earlier run found; each further one follows a delay.
   */
  readonly attempt: number;
}

/** Reads the open candidates of a table again. A retry goes on where the last attempt stopped. */
export async function settleCandidates(resources: Resources, input: SettleStep, context: StepContext) {
  const none = { open: 0 };
  return unlessUnread(await resources.ledger(), input, () => readCandidates(resources, input, context), none);
}

async function readCandidates(resources: Resources, input: SettleStep, context: StepContext) {
  const { runId, table, attempt } = input;
  const ledger = await resources.ledger();
  const comparison = await resources.comparison(runId, table);
  const sides = resources.sides(comparison);
  await updateTablePhase(ledger, runId, table, 'settling');
  if (attempt === 1) await refreshStatistics(ledger, 'candidate', await countOpenCandidates(ledger, runId, table));
  const { delayMs, attempts } = comparison.pair.settle;
  const horizons = await readHorizons(sides, delayMs * attempts, context.signal);
  // What an earlier run read is read anew, so that the reading after the delay is told from one of now.
  const isSelective = attempt === 1 && !(await isResumed(ledger, runId));
  const readTwice = attempt > 1;
  // After the last reading everything that stands still has settled anyway.
  const provable =
    attempt > attempts ? [] : await provableTypes(comparison, sides, horizons, readTwice, context.signal);
  const types = isSelective ? provable : null;
  const subject = { runId, kind: 'rows', subject: table } as const;
  const both = databasesOf(sides);
  if (!isSelective) await beforeReading(ledger, both, subject, attempt, attempt > attempts, context);
  if (!isSelective) await recount(resources, comparison, sides, input, context);
  let read = 0;
  let after = '';
  const batch = new Batch();
  while (types === null || types.length > 0) {
    const candidates = await nextCandidates(ledger, runId, table, attempt, batch.rows, types, after);
    const last = candidates.at(-1);
    if (!last) break;
    after = last.keyDigest;
    const readings = await settle(comparison, sides, candidates, context.signal, batch);
    const hopeful = readings.filter((reading) => reading.state === 'still' && provable.includes(reading.type));
    const proven = await provenSettled(comparison, sides, horizons, hopeful, readTwice, context.signal);
    const changed = readings.filter(({ state }, i) => state !== 'still' || candidates[i]?.moving === true);
    await recordReadings(ledger, runId, table, attempt, changed);
    await settleProven(ledger, runId, table, attempt, proven);
    read += candidates.length;
    context.report({ read });
  }
  if (!isSelective) await afterReading(ledger, both, subject, attempt, context.signal);
  return { open: await countOpenCandidates(ledger, runId, table) };
}

export async function countCandidates(resources: Resources, { runId, table }: TableStep) {
  return { open: await countOpenCandidates(await resources.ledger(), runId, table) };
}
