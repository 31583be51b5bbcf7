import { patched, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities';
import type { ApplyCounts, PlanStep } from '../activities/correct';
import { quick } from './activities';
import { always } from './always';
import { inPasses } from './passes';

/** Applying stops between two transactions when it is cancelled, so its end is awaited. */
const { applyStep, applyTogether } = proxyActivities<Activities>({
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

async function applySteps({ runId, approver, onProgress }: ApplyOrder, all: readonly PlanStep[]): Promise<void> {
  let done = 0;
  const counted = (counts: ApplyCounts) => {
    done += counts.success + counts.skipped + counts.failed;
    onProgress(done);
    return counts;
  };
  await inPasses(all, {
    applyStep: async ({ step, table, operation, rows }, last) => {
      const summary = `${operation} ${rows} rows of ${table}`;
      return counted(await applyStep.executeWithOptions({ summary }, [{ runId, table, step, approver, last }]));
    },
    applyTogether: (last) => {
      if (!patched('apply-together')) return null;
      const summary = 'correct rows that need each other';
      return applyTogether.executeWithOptions({ summary }, [{ runId, approver, last }]).then(counted);
    },
  });
}
