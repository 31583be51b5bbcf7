import {
  WithStartWorkflowOperation,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { TrueupError } from '../../contracts/errors';
import type { ReconcileResult } from '../../contracts/messages';
import { TASK_QUEUE, UPDATE, WORKFLOW } from '../../contracts/names';
import type { RecordedResolution } from '../../contracts/review';
import type { Temporal } from './connection';
import { rootMessage, temporalFailure, typedFailure } from './failure';
import { reviewId } from './ids';
import { RunHandle } from './run-handle';

type ResolveReviews = (input: { readonly wait: string }) => Promise<ReconcileResult>;

const ACCEPT_MS = 20_000;
/** Recording takes the entries and plans their corrections, however many there are. */
const RECORD_MS = 600_000;

/**
 * Starts a workflow that carries a resolution out, and hands it the resolution. Returns it as it was recorded.
 *
 * @throws REVIEW_REFUSED, INPUT_INVALID and what else recording it threw; TEMPORAL_UNREACHABLE.
 */
export async function startResolution(
  temporal: Temporal,
  message: object,
  summary: string,
): Promise<{ readonly run: RunHandle; readonly recorded: RecordedResolution }> {
  const { client, connection, address } = temporal;
  const workflowId = reviewId();
  const startWorkflowOperation = new WithStartWorkflowOperation<ResolveReviews>(WORKFLOW.resolveReviews, {
    taskQueue: TASK_QUEUE,
    workflowId,
    workflowIdConflictPolicy: 'FAIL',
    // A resolution that is refused leaves nothing to wait for.
    args: [{ wait: '2s' }],
    staticSummary: summary.slice(0, 180),
    staticDetails: `- \`trueup status ${workflowId}\`: where it stands`,
  });
  // It fails as the update does, which is what is told.
  startWorkflowOperation.workflowHandle().catch(() => undefined);
  try {
    const update = await connection.withDeadline(Date.now() + ACCEPT_MS, () =>
      client.workflow.startUpdateWithStart<ResolveReviews, RecordedResolution, [object]>(UPDATE.resolveReview, {
        args: [message],
        waitForStage: 'ACCEPTED',
        startWorkflowOperation,
      }),
    );
    const recorded = await connection.withDeadline(Date.now() + RECORD_MS, () => update.result());
    return { run: new RunHandle(temporal, workflowId), recorded };
  } catch (error) {
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) {
      throw new TrueupError(
        'TEMPORAL_UNREACHABLE',
        `no worker answered in time, so the resolution is not confirmed: see \`trueup review list\` when one runs (workflow ${workflowId})`,
      );
    }
    const typed = typedFailure(error);
    if (typed !== null) throw typed;
    if (error instanceof WorkflowUpdateFailedError) throw new TrueupError('REVIEW_REFUSED', rootMessage(error));
    throw temporalFailure(error, `Temporal at ${address} did not take the resolution`);
  }
}
