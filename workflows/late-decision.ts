import type { LateDecisionInput } from '../activities/close-run';
import { opening } from './activities';

/** Writes down a decision that came when its run had ended already. Returns why it changes nothing. */
export async function lateDecision(input: LateDecisionInput): Promise<string> {
  return opening.recordLateDecision.executeWithOptions({ summary: 'record a decision that came too late' }, [input]);
}
