import { checkLateDecisionInput } from '../contracts/input';
import type { LateDecisionInput } from '../contracts/messages';
import { opening } from './activities';
import { failure } from './failure';

/** Writes down a decision that came when its run had ended already. Returns why it changes nothing. */
export async function lateDecision(given?: LateDecisionInput): Promise<string> {
  const checked = checkLateDecisionInput(given);
  if (!checked.ok) throw failure('INPUT_INVALID', `input of lateDecision: ${checked.problem}`);
  return opening.recordLateDecision.executeWithOptions({ summary: 'record a decision that came too late' }, [
    checked.value,
  ]);
}
