import {
  condition,
  ParentClosePolicy,
  setCurrentDetails,
  setDefaultSignalHandler,
  setHandler,
  startChild,
  workflowInfo,
  type ChildWorkflowHandle,
} from '@temporalio/workflow';
import type { JobOutcome } from '../activities/job';
import { checkJobInput } from '../contracts/input';
import { JOB_RUNS, type Job, type JobInput, type JobResult } from '../contracts/job';
import { WORKFLOW } from '../contracts/names';
import { alerting, quick } from './activities';
import { jobSection } from './details';
import { catalogued, failure } from './failure';
import { runWaits } from './messages';
import type { reconcile } from './reconcile';

export const quickReconciliation = (input?: JobInput) => runJob(WORKFLOW.quickReconciliation, input);
export const comprehensiveReconciliation = (input?: JobInput) => runJob(WORKFLOW.comprehensiveReconciliation, input);
export const deepValidation = (input?: JobInput) => runJob(WORKFLOW.deepValidation, input);
export const businessLogicValidation = (input?: JobInput) => runJob(WORKFLOW.businessLogicValidation, input);

/**
 * A scheduled job: one run, and an alert where that leaves findings of high severity or fails. A run that waits for an
 * approval goes on without the job, so that the next one is not held up by it.
 */
async function runJob(job: Job, given: unknown): Promise<JobResult> {
  // Decisions are for the run: its ID is in the details.
  setDefaultSignalHandler(() => undefined);
  const checked = checkJobInput(given);
  if (!checked.ok) throw failure('INPUT_INVALID', `input of ${job}: ${checked.problem}`);
  let waits = false;
  setHandler(runWaits, () => {
    waits = true;
  });
  const { workflowId } = workflowInfo();
  const runWorkflowId = `${workflowId}/run`;
  setCurrentDetails(jobSection(job, runWorkflowId, null));
  const run = await startChild<typeof reconcile>(WORKFLOW.reconcile, {
    workflowId: runWorkflowId,
    args: [{ ...JOB_RUNS[job], requestedBy: job, ...checked.value, job }],
    parentClosePolicy: ParentClosePolicy.ABANDON,
    staticSummary: `The run of ${job}`,
  });
  const error = await ended(run, () => waits);
  const outcome = await quick.readJob.executeWithOptions({ summary: 'read what the run came to' }, [
    { job, workflowId: runWorkflowId, error },
  ]);
  const result: JobResult = { ...outcome.result, alert: outcome.alert ? await raise(outcome.alert) : 'none' };
  setCurrentDetails(jobSection(job, runWorkflowId, result));
  if (error) throw failure(error.code, error.message);
  return result;
}

/** Waits for the run to end, or for its plan to wait for an approval; returns what the run failed with. */
async function ended(run: ChildWorkflowHandle<typeof reconcile>, waits: () => boolean) {
  const over = run.result().then(() => null, catalogued);
  return Promise.race([over, condition(waits).then(() => null)]);
}

/** The log and the metrics have it in any case; a webhook that does not take it fails no job. */
async function raise(alert: NonNullable<JobOutcome['alert']>): Promise<JobResult['alert']> {
  await quick.logAlert.executeWithOptions({ summary: 'raise the alert' }, [alert]);
  try {
    await alerting.sendAlert.executeWithOptions({ summary: 'send the alert to the webhook' }, [alert]);
    return 'raised';
  } catch {
    return 'failed';
  }
}
