import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities';
import type { PlanStep } from '../activities/correct';
import { quick } from './activities';
import { always } from './always';

/** Applying stops between two transactions when it is cancelled, so its end is awaited. */
const { applyStep } = proxyActivities<Activities>({
  startToCloseTimeout: '24h',
  heartbeatTimeout: '15s',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '15s', maximumAttempts: 40 },
});

export interface ApplyOrder {
  readonly runId: string;
  readonly digest: string;
  readonly approver: string | null;
  readonly onProgress: (done: number) => void;
}

/** Applies a plan once it is confirmed; however that ends, each finding then says what became of it. */
export async function applyPlan(order: ApplyOrder): Promise<void> {
  const { runId, digest } = order;
  const steps = await quick.confirmPlan.executeWithOptions({ summary: 'confirm that the plan is the approved one' }, [
    { runId, digest },
  ]);
  const summary = 'note what became of each finding';
  await always(
    () => applySteps(order, steps),
    () => quick.resolveApplied.executeWithOptions({ summary }, [{ runId }]),
  );
}

/**
 * Applies a plan step by step. What a reference or a unique value stands in the way of is left for another pass, for
 * as long as passes get on; the last pass gives up what still fails.
 */
async function applySteps({ runId, approver, onProgress }: ApplyOrder, all: readonly PlanStep[]): Promise<void> {
  let steps = all;
  let [done, open, last] = [0, Infinity, false];
  while (steps.length > 0) {
    const left: PlanStep[] = [];
    let deferred = 0;
    for (const step of steps) {
      const summary = `${step.operation} ${step.rows} rows of ${step.table}`;
      const { step: number, table } = step;
      const counts = await applyStep.executeWithOptions({ summary }, [{ runId, table, step: number, approver, last }]);
      done += counts.success + counts.skipped + counts.failed;
      deferred += counts.deferred;
      if (counts.deferred > 0) left.push({ ...step, rows: counts.deferred });
      onProgress(done);
    }
    last = deferred >= open;
    open = deferred;
    steps = left;
  }
}
