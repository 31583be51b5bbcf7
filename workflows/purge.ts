import { isCancellation, setCurrentDetails, setDefaultSignalHandler, workflowInfo } from '@temporalio/workflow';
import type { PlannedPurge } from '../activities/purge';
import { checkPurgeInput } from '../contracts/input';
import type { PurgeInput, PurgeSummary } from '../contracts/purge';
import { holdToLedger, long, opening } from './activities';
import { purgeSection } from './details';
import { catalogued, failure } from './failure';
import { endLost } from './lost';

/**
 * Drops the before-images of runs, and their findings where that is asked for: plan → enter → drop. Without `apply` it
 * ends with the plan.
 */
export async function purge(given?: PurgeInput): Promise<PurgeSummary> {
  setDefaultSignalHandler(() => undefined);
  const checked = checkPurgeInput(given);
  if (!checked.ok) throw failure('INPUT_INVALID', `input of purge: ${checked.problem}`);
  const input = checked.value;
  const { inLedger, ...planned } = await planAll(input);
  holdToLedger(inLedger);
  const show = (state: string) => setCurrentDetails(purgeSection(state, planned));
  show('nothing dropped yet');
  if (input.apply !== true || planned.runs === 0) {
    show(planned.runs === 0 ? 'nothing to drop' : 'dry run: nothing dropped');
    return planned;
  }
  const { workflowId, firstExecutionRunId } = workflowInfo();
  const { cutoff, findings } = planned;
  // What is dropped is what was planned.
  const entry = {
    input: { ...input, digest: input.digest ?? planned.digest },
    cutoff,
    workflowId,
    firstExecutionRunId,
  };
  await long.beginPurge.executeWithOptions({ summary: 'enter the runs that go' }, [entry]);
  try {
    show('dropping');
    const order = { purgeId: firstExecutionRunId, findings };
    await long.dropPurged.executeWithOptions({ summary: `drop what ${planned.runs} runs left` }, [order]);
    await opening.endPurge.executeWithOptions({ summary: 'end the purge' }, [{ purgeId: firstExecutionRunId }]);
  } catch (error) {
    show(isCancellation(error) ? 'cancelled; the next purge drops the rest' : 'failed; the next purge drops the rest');
    throw error;
  }
  show('done');
  return { ...planned, status: 'done' };
}

/** What would be dropped, once runs have ended in the ledger whose workflow is gone. */
async function planAll(input: PurgeInput): Promise<PlannedPurge> {
  const plan = () => long.planPurge.executeWithOptions({ summary: 'see what would be dropped' }, [input]);
  const planned = await plan().catch(async (error: unknown) => {
    // Of runs that are named, one that has not ended is a reason to refuse them all.
    if (catalogued(error).code !== 'PURGE_REFUSED') throw error;
    if ((await endLost({ runs: input.runs ?? null, before: null })) === 0) throw error;
    return plan();
  });
  if (planned.kept.notEnded + planned.kept.undoUnderWay === 0) return planned;
  return (await endLost({ runs: input.runs ?? null, before: planned.cutoff })) === 0 ? planned : plan();
}
