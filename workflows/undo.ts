import {
  isCancellation,
  setCurrentDetails,
  setDefaultSignalHandler,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { OpenedUndo } from '../activities/undo';
import { checkUndoInput } from '../contracts/input';
import type { ReconcileResult, RunPhase, UndoInput } from '../contracts/messages';
import type { PlanSummary, RunStatus } from '../contracts/run';
import { long, opening, quick } from './activities';
import { always, attempt } from './always';
import { applyPlan } from './apply';
import { planTable } from './details';
import { catalogued, failure } from './failure';
import { progress as progressQuery } from './messages';
import { PHASE } from './search-attributes';

/** Gives back every row that a run changed: open → plan from the before-images → apply → verify → close. */
export async function undo(given?: UndoInput): Promise<ReconcileResult> {
  const started = Date.now();
  let opened: OpenedUndo | null = null;
  let plan: PlanSummary | null = null;
  let [phase, status, done]: [RunPhase, RunStatus, number] = ['opening', 'running', 0];
  const enter = (next: RunPhase) => {
    phase = next;
    if (opened?.searchAttributes) upsertSearchAttributes([{ key: PHASE, value: phase }]);
    const counts = plan ? `\n\nRestored ${done} of ${plan.total}.\n\n${planTable(plan)}` : '';
    setCurrentDetails(`Undo of \`${given?.runId ?? ''}\`: **${phase === 'done' ? status : phase}**${counts}`);
  };
  setHandler(
    progressQuery,
    () => ({
      runId: opened?.runId ?? null,
      status,
      phase,
      tables: [],
      corrections: { done, total: plan?.total ?? 0 },
      tuning: null,
    }),
    { description: 'Phase and rows restored' },
  );
  setDefaultSignalHandler(() => undefined);
  const checked = checkUndoInput(given);
  if (!checked.ok) throw failure('INPUT_INVALID', `input of undo: ${checked.problem}`);
  const end = async (error: unknown, verified: { checked: number; differing: number } | null) => {
    if (!opened) return;
    const cause = status === 'failed' ? catalogued(error) : null;
    const input = { runId: opened.runId, status, error: cause, phases: { undo: Date.now() - started }, verified };
    await quick.endRun.executeWithOptions({ summary: `end the undo: ${status}` }, [input]);
  };
  try {
    const { workflowId, firstExecutionRunId } = workflowInfo();
    opened = await opening.openUndo.executeWithOptions({ summary: `open the undo of ${checked.value.runId}` }, [
      { input: checked.value, workflowId, firstExecutionRunId },
    ]);
    const { runId, undoOf, tables } = opened;
    enter('planning');
    plan = await long.planUndo.executeWithOptions({ summary: 'plan from the before-images' }, [{ runId, undoOf }]);
    enter('applying');
    const onProgress = (count: number) => {
      done = count;
      enter('applying');
    };
    const { digest } = plan;
    // What was given back before a cancel is said to be.
    const summary = 'note the findings as undone';
    await always(
      () => applyPlan({ runId, digest, approver: null, onProgress }),
      () => quick.resolveUndo.executeWithOptions({ summary }, [{ runId }]),
    );
    enter('verifying');
    const verified = { checked: 0, differing: 0 };
    for (const table of tables) {
      const one = await long.verifyUndo.executeWithOptions({ summary: `verify ${table}` }, [{ runId, table }]);
      verified.checked += one.checked;
      verified.differing += one.differing;
    }
    status = 'applied';
    await end(null, verified);
    enter('done');
    return { runId, status, planDigest: digest };
  } catch (error) {
    status = isCancellation(error) ? 'cancelled' : 'failed';
    await attempt(() => end(error, null));
    enter('done');
    throw error;
  }
}
