import type { RunStatus } from './run';

/** What an audit can find wrong, and what it means. */
export const AUDIT_PROBLEMS = {
  chain_missing: 'the run has no chain though it was begun by a version that makes one',
  entry_altered: 'what the entry says is not what its digest was taken of',
  entry_added: 'the entry is not in the chain: it was not entered by Trueup',
  entries_missing: 'entries of the chain are gone',
  entry_moved:
    'the entry does not follow the one that stands before it: entries were changed places, replaced or inserted',
  chain_end: 'the chain does not end where the ledger says it does',
  chain_unsealed: 'the run has ended, and its chain was not sealed',
  seal_broken: 'the entries of the run are not those that it ended with',
  entry_after_end: 'the entry was made when the run had ended; only a decision that is refused comes then',
  head_unknown: 'the digest that was kept elsewhere is that of no entry',
  plan_altered: 'the plan is not the one that its digest was taken of',
  entry_unplanned: 'the plan has no such correction',
  entry_unlike_plan: 'the correction is not what was planned',
  entry_of_wrong_mode: 'a dry run corrects nothing, and a run that applies enters no dry run',
  entry_lacking: 'the run went to its end, and a planned correction has no entry',
  not_approved: 'no decision that was accepted covers the correction',
  approver_differs: 'the entry names another approver than the decision',
  decided_too_late: 'a correction was made before the decision that approves it',
  decision_of_other_plan: 'the decision that was accepted is for another plan',
  decisions_conflict: 'more than one decision was accepted',
  override_missing: 'the plan was over its guard, and the approval does not override it',
  four_eyes: 'who requested the run approved it',
  image_missing: 'a correction that was made has no before-image in the target',
  image_without_entry: 'the target has a before-image, and the ledger no correction that was made',
  image_differs: 'before-image and entry are not of the same correction',
  side_effects_differ: 'ledger and target do not say the same of what was changed beside the plan',
} as const;

export type AuditProblemType = keyof typeof AUDIT_PROBLEMS;

export interface AuditProblem {
  readonly type: AuditProblemType;
  /** `correction 12 (update orders {"id": "5"})`, `decision 1`, `run`. */
  readonly what: string;
  /** The number of the correction in its run; null: it is about none. */
  readonly seq: string | null;
  readonly found: string;
  readonly expected: string;
}

/** `trueup audit RUN --json`, beside `problems` and `sound`. */
export interface AuditSummary {
  readonly runId: string;
  readonly status: RunStatus;
  readonly ended: boolean;
  /** null: the run has no chain. */
  readonly chain: {
    readonly entries: number;
    readonly head: string;
    /** As it was when the run ended; null: it has not. */
    readonly sealed: { readonly entries: number; readonly head: string; readonly at: string } | null;
  } | null;
  /** How many of each were looked at; null: they were not. */
  readonly checked: {
    readonly corrections: number;
    readonly decisions: number;
    readonly planned: number | null;
    readonly images: number | null;
  };
  /** What an audit of such a run cannot say, and why. */
  readonly notes: readonly string[];
  /** What should have been checked and could not be. */
  readonly unchecked: readonly string[];
  readonly problems: number;
}
