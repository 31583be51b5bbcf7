import { isCancellation, setCurrentDetails, setDefaultSignalHandler, workflowInfo } from '@temporalio/workflow';
import { checkPurgeInput } from '../contracts/input';
import type { PurgeInput, PurgeSummary } from '../contracts/purge';
import { long, opening } from './activities';
import { purgeSection } from './details';
import { failure } from './failure';

/**
 * Drops the before-images of runs, and their findings where that is asked for: plan → enter → drop. Without `apply` it
 * ends with the plan.
 */
export async function purge(given?: PurgeInput): Promise<PurgeSummary> {
  setDefaultSignalHandler(() => undefined);
  const checked = checkPurgeInput(given);
  if (!checked.ok) throw failure('INPUT_INVALID', `input of purge: ${checked.problem}`);
  const input = checked.value;
  const planned = await long.planPurge.executeWithOptions({ summary: 'see what would be dropped' }, [input]);
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
