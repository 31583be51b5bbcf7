import { breachesWithin, covers, isWhole, scopeOf, scopeText, type ApprovalScope } from '../contracts/approval';
import { breachText, type GuardBreach } from '../contracts/guard';
import { checkApprovalTerms, textField } from '../contracts/input';
import type { ApprovalTerms, Decision } from '../contracts/messages';
import { named } from '../contracts/named';
import { isSamePerson } from '../contracts/person';
import type { PlanLine, PlanSummary } from '../contracts/run';

/** What an approval is measured by, beside the digest and the deadline. */
export interface GateRules {
  /** What the plan holds, and what of it is over its guard; absent: it is approved or rejected as a whole. */
  readonly plan?: Pick<PlanSummary, 'lines' | 'blocked'>;
  /** What of a plan that is approved as a whole is over its guard; absent: nothing. */
  readonly blocked?: readonly GuardBreach[];
  /** Who requested the run and may not approve it; null: whoever it was may. */
  readonly barred?: string | null;
}

/** The gate of a run: what may be decided now, and what was decided. A value; every attempt gives the next one. */
export type Gate =
  | { readonly state: 'no plan yet' }
  | ({ readonly state: 'open'; readonly planDigest: string; readonly deadlineMs: number } & GateRules)
  | { readonly state: 'decided'; readonly decision: Decision }
  | { readonly state: 'closed'; readonly why: string };

/** A decision as it arrived, from anybody and in any form. */
export interface Attempt {
  readonly channel: 'signal' | 'update';
  readonly decision: 'approve' | 'reject';
  readonly approver: string | null;
  readonly planDigest: string | null;
  readonly reason: string | null;
  readonly terms: ApprovalTerms;
  /** What is wrong with the terms, which are empty then; null: nothing. */
  readonly malformed: string | null;
}

export type Verdict =
  { readonly accepted: true; readonly decision: Decision } | { readonly accepted: false; readonly refusal: string };

export function attemptOf(channel: Attempt['channel'], decision: Attempt['decision'], message: unknown): Attempt {
  const terms = checkApprovalTerms(message);
  return {
    channel,
    decision,
    approver: textField(message, 'approver'),
    planDigest: textField(message, 'planDigest'),
    reason: textField(message, 'reason') ?? textField(message, 'note'),
    terms: terms.ok ? terms.value : {},
    malformed: terms.ok ? null : terms.problem,
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
  const problem =
    attempt.decision === 'approve' ? approvalProblem(gate, attempt, attempt.approver) : rejectionProblem(attempt);
  if (problem !== null) return refused(problem);
  const { tables, operations, override } = attempt.terms;
  return {
    accepted: true,
    decision: {
      decision: attempt.decision,
      approver: attempt.approver,
      planDigest: gate.planDigest,
      reason: attempt.reason,
      decidedAt: isoTime(nowMs),
      ...(tables === undefined ? {} : { tables }),
      ...(operations === undefined ? {} : { operations }),
      ...(override === true && attempt.decision === 'approve' ? { override } : {}),
    },
  };
}

function rejectionProblem({ reason, terms }: Attempt): string | null {
  if (reason === null) return 'no reason is given';
  // Whoever rejects a part expects the rest to be done.
  return isWhole(scopeOf(terms)) ? null : 'a plan is rejected as a whole; approve the part that is to be done';
}

function approvalProblem({ plan, barred, blocked = [] }: GateRules, attempt: Attempt, approver: string): string | null {
  if (attempt.malformed !== null) return attempt.malformed;
  if (typeof barred === 'string' && isSamePerson(approver, barred)) {
    return `fourEyes: ${short(barred.trim())} requested this run and cannot approve it`;
  }
  const scope = scopeOf(attempt.terms);
  const problem = plan === undefined ? wholeProblem(scope) : scopeProblem(scope, plan.lines);
  if (problem !== null || attempt.terms.override === true) return problem;
  const breaches = plan === undefined ? blocked : breachesWithin(scope, plan.lines, plan.blocked ?? []);
  return breaches.length === 0 ? null : `the plan is blocked and override is not given: ${breachesText(breaches)}`;
}

function wholeProblem(scope: ApprovalScope): string | null {
  return isWhole(scope) ? null : 'tables and operations: this plan is approved as a whole';
}

/** What is wrong with a part of a plan: that it names what the plan does not have, or holds nothing to approve. */
function scopeProblem(scope: ApprovalScope, lines: readonly PlanLine[]): string | null {
  if (isWhole(scope)) return null;
  const known = [...new Set(lines.map((line) => line.table))];
  const unknown = (scope.tables ?? []).filter((name) => !known.includes(name));
  if (unknown.length > 0) return `tables: the plan has no ${list(unknown)}; it has ${list(known)}`;
  if (lines.some((line) => line.needsApproval && covers(scope, line))) return null;
  const part = scopeText({ ...scope, tables: scope.tables?.slice(0, MOST_NAMED).map(short) ?? null });
  return `nothing in this part of the plan needs approval: ${part ?? ''}`;
}

/** Names in a refusal at the most: a message may hold thousands, and so may a plan. */
const MOST_NAMED = 10;
const LONGEST_NAME = 80;

function short(name: string): string {
  return name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME - 1)}…`;
}

function list(names: readonly string[]): string {
  return named(names.map(short), MOST_NAMED);
}

function breachesText(breaches: readonly GuardBreach[]): string {
  const texts = breaches.slice(0, MOST_NAMED).map((breach) => breachText({ ...breach, table: short(breach.table) }));
  const more = breaches.length > MOST_NAMED ? `; and ${breaches.length - MOST_NAMED} more tables` : '';
  return `${texts.join('; ')}${more}`;
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
