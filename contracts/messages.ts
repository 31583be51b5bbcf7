import type { CheckKind, CheckSummary, RunMode } from './check';
import type { Operation } from './correction';
import type { Job } from './job';
import type { PlanSummary, RunStatus, TableSummary } from './run';
import type { SampleWish } from './sample';
import type { Tuning } from './throttle';

/** Input of the workflow `reconcile`: one object, every field optional, so that `{}` works from any client. */
export interface ReconcileInput {
  /** Names of table pairs from the config; default: all of them. */
  readonly tables?: readonly string[];
  /** How the tables are looked at; default: `full`. */
  readonly mode?: RunMode;
  /** What is checked beside what the mode checks by itself. */
  readonly checks?: readonly CheckKind[];
  /** How a sample is drawn, in the mode `sample`; default: the config's `defaults.sample`. */
  readonly sample?: SampleWish;
  /** true: only table pairs that the config calls critical, where it calls any so; default: all. */
  readonly critical?: boolean;
  /** What becomes of corrections that need approval: the run waits for it, or they go to the review queue; default: `wait`. */
  readonly unapproved?: 'wait' | 'queue';
  /** false (the default) is a dry run: it goes as far as the plan and leaves the target alone. */
  readonly apply?: boolean;
  readonly requestedBy?: string;
  /** A duration such as `30m` or `24h`; default: the config's `defaults.approvalTimeout`. */
  readonly approvalTimeout?: string;
  /** The scheduled job that the run is of: it is told when the run waits for an approval. */
  readonly job?: Job;
  /** A run that did not come to its end: the chunks that it finished are taken over, and only the others compared. */
  readonly resume?: string;
}

/** Input of the workflow `undo`: what is given back of which run. */
export interface UndoInput {
  readonly runId: string;
  readonly requestedBy?: string;
  /** Names of tables that the run corrected; default: all of them. */
  readonly tables?: readonly string[];
  /** Numbers of corrections, as `trueup plan RUN --json` has them in `seq`; default: all of them. */
  readonly corrections?: readonly string[];
  /** Whether rows that were changed since their correction are overwritten; default: they are left alone, and listed. */
  readonly force?: boolean;
  /** A duration such as `30m` or `24h`; default: the config's `defaults.approvalTimeout`. */
  readonly approvalTimeout?: string;
}

/** What an approval may say beside who approves which plan. */
export interface ApprovalTerms {
  /** Only the corrections of these tables; default: of all. */
  readonly tables?: readonly string[];
  /** Only these operations; default: all. */
  readonly operations?: readonly Operation[];
  /** Approves although the plan deletes or overwrites more of a table than its guard allows. */
  readonly override?: boolean;
}

/** Payload of the signal `approve`. */
export interface ApproveMessage extends ApprovalTerms {
  readonly approver: string;
  readonly planDigest: string;
  readonly note?: string;
}

/** Payload of the signal `reject`. */
export interface RejectMessage {
  readonly approver: string;
  readonly reason: string;
}

/** Payload of the update `decide`. */
export interface DecideMessage extends ApprovalTerms {
  readonly decision: 'approve' | 'reject';
  readonly approver: string;
  readonly planDigest: string;
  readonly reason?: string;
}

/** Payload of the update `tune`: how a run compares from now on. What is left out stays as it is. */
export interface TuneMessage {
  /** From 1 to 64. */
  readonly concurrency?: number;
  /** From 1 to 64. */
  readonly maxChunksPerConnection?: number;
  /** true: begin nothing new; false: go on. A pause by the config's `pauseWhile` ends by itself only. */
  readonly pause?: boolean;
}

/** Input of the workflow `lateDecision`: a decision that came when its run had ended already. */
export interface LateDecisionInput extends ApprovalTerms {
  readonly runId: string;
  readonly decision?: 'approve' | 'reject';
  readonly approver?: string;
  readonly planDigest?: string;
  readonly reason?: string;
}

/** A decision as it was recorded: what `decide` returns and what the ledger holds. Terms that were not given are absent. */
export interface Decision extends ApprovalTerms {
  readonly decision: 'approve' | 'reject';
  readonly approver: string;
  readonly planDigest: string;
  readonly reason: string | null;
  readonly decidedAt: string;
}

/** Answer of the query `progress`. */
export interface ProgressAnswer {
  readonly runId: string | null;
  readonly status: RunStatus;
  readonly phase: RunPhase;
  readonly tables: readonly TableSummary[];
  /** What is checked beside the rows; absent in answers of earlier versions. */
  readonly checks?: readonly CheckSummary[];
  readonly corrections: { readonly done: number; readonly total: number };
  /** null before the run is open, and for an undo. */
  readonly tuning: Tuning | null;
}

export type RunPhase =
  | 'opening'
  | 'comparing'
  | 'checking'
  | 'planning'
  | 'awaiting approval'
  | 'applying'
  | 'verifying'
  | 'closing'
  | 'done';

/** Answer of the query `plan`; null digest until the plan is frozen. */
export interface PlanAnswer {
  readonly runId: string | null;
  readonly plan: PlanSummary | null;
  /** The exact commands that approve or reject this plan. */
  readonly howToApprove: readonly string[];
  readonly deadline: string | null;
  readonly decision: Decision | null;
  /** Corrections that the decision leaves out: it approves a part of the plan. */
  readonly leftOut: number;
  readonly refused: readonly string[];
}

/** What `reconcile` returns. */
export interface ReconcileResult {
  readonly runId: string;
  readonly status: RunStatus;
  readonly planDigest: string | null;
  /** Differences that the run leaves; above 0 its exit code is 1 where its status says no worse. Absent in histories of earlier versions. */
  readonly remaining?: number;
}
