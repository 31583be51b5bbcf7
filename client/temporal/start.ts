import type { ReconcileInput, ReconcileResult, UndoInput } from '../../contracts/messages';
import { TASK_QUEUE, WORKFLOW } from '../../contracts/names';
import type { Temporal } from './connection';
import { temporalFailure } from './failure';
import { reconcileId, undoId } from './ids';
import { RunHandle } from './run-handle';

type Reconcile = (input: ReconcileInput) => Promise<ReconcileResult>;
type Undo = (input: UndoInput) => Promise<unknown>;

function reconcileSummary({ tables, apply, resume }: ReconcileInput): string {
  const what = tables === undefined || tables.length === 0 ? 'all tables' : tables.join(', ');
  const text = `${resume === undefined ? `Reconcile ${what}` : `Resume ${resume}`}${apply ? '' : ' (dry run)'}`;
  return text.length <= 180 ? text : `${text.slice(0, 179)}…`;
}

function reconcileDetails(workflowId: string): string {
  return [
    `- \`trueup status ${workflowId}\`: where it stands`,
    `- \`trueup plan ${workflowId}\`: what it would change`,
    `- \`trueup findings ${workflowId}\`: every inconsistency`,
  ].join('\n');
}

/** Starts the workflow `reconcile` under an ID of its own. */
export async function startReconcile(temporal: Temporal, input: ReconcileInput): Promise<RunHandle> {
  const workflowId = reconcileId();
  await starting(temporal, () =>
    temporal.client.workflow.start<Reconcile>(WORKFLOW.reconcile, {
      taskQueue: TASK_QUEUE,
      workflowId,
      args: [input],
      staticSummary: reconcileSummary(input),
      staticDetails: reconcileDetails(workflowId),
    }),
  );
  return new RunHandle(temporal, workflowId);
}

/** Starts the workflow `undo` for one run. */
export async function startUndo(temporal: Temporal, input: UndoInput): Promise<RunHandle> {
  const workflowId = undoId(input.runId);
  await starting(temporal, () =>
    temporal.client.workflow.start<Undo>(WORKFLOW.undo, {
      taskQueue: TASK_QUEUE,
      workflowId,
      args: [input],
      staticSummary: `Undo ${input.runId}`.slice(0, 180),
      staticDetails: `- \`trueup status ${workflowId}\`: where it stands`,
    }),
  );
  return new RunHandle(temporal, workflowId);
}

async function starting<T>(temporal: Temporal, start: () => Promise<T>): Promise<T> {
  const { address, namespace, connection } = temporal;
  try {
    return await connection.withDeadline(Date.now() + 15_000, start);
  } catch (error) {
    throw temporalFailure(error, `Temporal at ${address}, namespace ${namespace}, did not start the workflow`);
  }
}
