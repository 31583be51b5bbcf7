import type { Decision } from '../contracts/messages';
import { textField } from '../contracts/input';

/** The gate of a run: what may be decided now, and what was decided. A value; every attempt gives the next one. */
export type Gate =
  | { readonly state: 'no plan yet' }
  | { readonly state: 'open'; readonly planDigest: string; readonly deadlineMs: number }
  | { readonly state: 'decided'; readonly decision: Decision }
  | { readonly state: 'closed'; readonly why: string };

/** A decision as it arrived, from anybody and in any form. */
export interface Attempt {
  readonly channel: 'signal' | 'update';
  readonly decision: 'approve' | 'reject';
  readonly approver: string | null;
  readonly planDigest: string | null;
  readonly reason: string | null;
}

export type Verdict =
  { readonly accepted: true; readonly decision: Decision } | { readonly accepted: false; readonly refusal: string };

export function attemptOf(channel: Attempt['channel'], decision: Attempt['decision'], message: unknown): Attempt {
  return {
    channel,
    decision,
    approver: textField(message, 'approver'),
    planDigest: textField(message, 'planDigest'),
    reason: textField(message, 'reason') ?? textField(message, 'note'),
  };
}

/**
 * Judges one attempt. The first valid decision wins; whatever is unclear is refused and changes nothing. A decision
 * that is read when the deadline has passed is refused, even where it may have been sent in time.
 */
export function judge(gate: Gate, attempt: Attempt, nowMs: number): Verdict {
  const refused = (refusal: string): Verdict => ({ accepted: false, refusal: `${attempt.decision}: ${refusal}` });
  switch (gate.state) {
    case 'no plan yet':
      return refused('there is no plan to decide on yet');
    case 'decided': {
      const { decision } = gate;
      return refused(`already decided: ${decision.decision} by ${decision.approver} at ${decision.decidedAt}`);
    }
    case 'closed':
      return refused(gate.why);
    case 'open':
      break;
  }
  if (nowMs >= gate.deadlineMs) return refused(`the deadline passed at ${isoTime(gate.deadlineMs)}`);
  if (attempt.approver === null) return refused('no approver is named');
  // A signal that rejects may leave the digest out: it releases nothing.
  const digestNeeded = attempt.decision === 'approve' || attempt.channel === 'update' || attempt.planDigest !== null;
  if (digestNeeded && attempt.planDigest === null) return refused('no planDigest is given');
  if (digestNeeded && attempt.planDigest !== gate.planDigest) {
    return refused('the planDigest is not that of the plan at the gate');
  }
  if (attempt.decision === 'reject' && attempt.reason === null) return refused('no reason is given');
  return {
    accepted: true,
    decision: {
      decision: attempt.decision,
      approver: attempt.approver,
      planDigest: gate.planDigest,
      reason: attempt.reason,
      decidedAt: isoTime(nowMs),
    },
  };
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
