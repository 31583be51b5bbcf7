import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';
import type { CheckRef, CheckSummary } from '../contracts/check';
import { long, quick } from './activities';
import { catalogued } from './failure';

export interface SettleTimes {
  readonly delayMs: number;
  readonly attempts: number;
}

/**
 * One check of a run: what it sees is looked for again after a while, and is a finding only where it is still so. What goes
 * wrong with it ends this check, not the run, and makes the run incomplete.
 */
export async function runCheck(runId: string, check: CheckRef, settle: SettleTimes): Promise<CheckSummary> {
  const { kind, subject } = check;
  let reading = 1;
  try {
    for (; ; reading += 1) {
      const seen = await long.readCheck.executeWithOptions({ summary: `check ${kind} of ${subject}`.slice(0, 180) }, [
        { runId, ...check, reading },
      ]);
      const isSettled = seen.open === 0 || !seen.settles || (reading > 1 && seen.moving === 0);
      if (isSettled || reading > settle.attempts) break;
      const summary = `settle ${seen.open} findings of ${kind} of ${subject}`.slice(0, 180);
      await sleep(settle.delayMs, { summary });
    }
  } catch (error) {
    if (isCancellation(error) || CancellationScope.current().consideredCancelled) throw error;
    return end(runId, check, reading, catalogued(error));
  }
  return end(runId, check, reading, null);
}

function end(runId: string, check: CheckRef, reading: number, error: ReturnType<typeof catalogued> | null) {
  const summary = `${check.kind} of ${check.subject}: ${error ? `not checked (${error.code})` : 'checked'}`.slice(
    0,
    180,
  );
  return quick.endCheck.executeWithOptions({ summary }, [{ runId, ...check, reading, error }]);
}
