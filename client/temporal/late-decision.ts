import type { LateDecisionInput } from '../../contracts/messages';
import { TASK_QUEUE, WORKFLOW } from '../../contracts/names';
import type { Temporal } from './connection';
import { messageOf } from './failure';
import { lateDecisionId } from './ids';

const WAIT_MS = 10_000;

/**
 * Has a decision on a run that has ended written to the ledger as refused. Returns the refusal as it was recorded, or
 * null when no worker did so within 10 s.
 */
export async function recordLateDecision(temporal: Temporal, input: LateDecisionInput): Promise<string | null> {
  try {
    return await temporal.connection.withDeadline(Date.now() + WAIT_MS, () =>
      temporal.client.workflow.execute<(input: LateDecisionInput) => Promise<string>>(WORKFLOW.lateDecision, {
        taskQueue: TASK_QUEUE,
        workflowId: lateDecisionId(input.runId),
        args: [input],
        // Past this the attempt is given up: a worker that comes hours later has nobody to tell.
        workflowExecutionTimeout: '1h',
        staticSummary: `Late decision on ${input.runId}`.slice(0, 180),
      }),
    );
  } catch (error) {
    if (process.env.TRUEUP_DEBUG === '1') process.stderr.write(`lateDecision: ${messageOf(error)}\n`);
    return null;
  }
}
