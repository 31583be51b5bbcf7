import type { WorkflowHandle } from '@temporalio/client';
import { TrueupError } from '../../contracts/errors';
import { TASK_QUEUE, WORKFLOW } from '../../contracts/names';
import type { PurgeInput, PurgeSummary } from '../../contracts/purge';
import type { Temporal } from './connection';
import { rootMessage, temporalFailure, typedFailure } from './failure';
import { purgeId } from './ids';

type Purge = (input: PurgeInput) => Promise<PurgeSummary>;

/** A purge that was started. */
export interface StartedPurge {
  readonly workflowId: string;
  /** Throws PURGE_REFUSED, INPUT_INVALID, or what else it ended with. */
  result(): Promise<PurgeSummary>;
}

/** Starts the workflow `purge` under an ID of its own. */
export async function startPurge(temporal: Temporal, input: PurgeInput): Promise<StartedPurge> {
  const workflowId = purgeId();
  const { address, namespace, connection } = temporal;
  let handle: WorkflowHandle<Purge>;
  try {
    handle = await connection.withDeadline(Date.now() + 15_000, () =>
      temporal.client.workflow.start<Purge>(WORKFLOW.purge, {
        taskQueue: TASK_QUEUE,
        workflowId,
        args: [input],
        staticSummary: input.apply === true ? 'Purge before-images' : 'Purge before-images (dry run)',
      }),
    );
  } catch (error) {
    throw temporalFailure(error, `Temporal at ${address}, namespace ${namespace}, did not start the workflow`);
  }
  const result = async () => {
    try {
      return await handle.result();
    } catch (error) {
      throw typedFailure(error) ?? new TrueupError('INTERNAL', `workflow ${workflowId} ended: ${rootMessage(error)}`);
    }
  };
  return { workflowId, result };
}
