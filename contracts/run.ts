import type { CheckSummary, ReportedCheck, RunMode } from './check';
import type { HashMethod } from './comparison';
import type { CorrectionStatus, Operation } from './correction';
import type { InconsistencyType } from './finding';
import type { GuardBreach } from './guard';
import type { Decision } from './messages';
import type { SampleEstimate } from './sample';
import type { RunServers } from './server';
import type { RunSideEffect } from './side-effect';
import type { UndoScope } from './undo';
import type { RecordedResolution } from './review';

export type RunStatus =
  | 'running'
  | 'consistent'
  | 'inconsistent'
  | 'awaiting_approval'
  | 'applied'
  | 'rejected'
  | 'expired'
  | 'incomplete'
  | 'failed'
  | 'cancelled';

export type TableStatus = 'pending' | 'running' | 'consistent' | 'inconsistent' | 'incomplete';

export type TablePhase = 'waiting' | 'planning' | 'comparing' | 'settling' | 'aggregating' | 'checking' | 'done';

export type FindingCounts = Partial<Record<InconsistencyType, number>>;

/** What is known of one table pair; the same shape in the `progress` query, `status --json` and the report. */
export interface TableSummary {
  readonly name: string;
  readonly status: TableStatus;
  readonly phase: TablePhase;
  readonly rowsSource: number;
  readonly rowsTarget: number;
  readonly chunks: number;
  readonly chunksDone: number;
  readonly findings: FindingCounts;
  readonly transient: number;
  readonly unsettled: number;
  /** What of it was compared; absent: all rows. */
  readonly compared?: 'changed rows' | 'a sample' | 'counts' | 'aggregates' | 'nothing';
  /** What the sample says of all of its rows; absent: no sample was compared to its end. */
  readonly estimate?: SampleEstimate;
  /** What was checked of it beside its rows; absent: nothing. */
  readonly checks?: readonly CheckSummary[];
  /** How its rows were hashed; absent from a `progress` answer before the table is done. */
  readonly hash?: HashMethod;
  /** Why the table is incomplete, a note for each cause; names and counts only, never a row's value. */
  readonly notes: readonly string[];
}

/** A table of which nothing is known yet. */
export function emptySummary(name: string, status: TableStatus, phase: TablePhase): TableSummary {
  const counts = { rowsSource: 0, rowsTarget: 0, chunks: 0, chunksDone: 0, transient: 0, unsettled: 0 };
  return { name, status, phase, ...counts, findings: {}, notes: [] };
}

const COMPARED = {
  full: null,
  incremental: 'changed rows',
  sample: 'a sample',
  count: 'counts',
  aggregate: 'aggregates',
  rules: 'nothing',
} as const satisfies Record<RunMode, TableSummary['compared'] | null>;

/**
 * The field `compared` of a table's summary in a run of this mode. `rows`: the rows that planning chose; null: none were
 * chosen, or not yet.
 */
export function comparedIn(mode: RunMode, rows: 'all' | 'changed' | 'sample' | null): Pick<TableSummary, 'compared'> {
  const compared = rows === 'all' ? null : COMPARED[mode];
  return compared === null ? {} : { compared };
}

/** How a table stands, for people. What was not compared as a whole is not said to be consistent as a whole. */
export function standingOf({ status, compared }: Pick<TableSummary, 'status' | 'compared'>): string {
  if (compared === undefined || (status !== 'consistent' && status !== 'inconsistent')) return status;
  if (compared === 'a sample') return status === 'consistent' ? 'no difference in the sample' : 'inconsistent (sample)';
  return `${status} (${compared})`;
}

/** One line of the plan: how many rows of a table an operation touches, and whether it waits for a decision. */
export interface PlanLine {
  readonly table: string;
  readonly operation: Operation;
  readonly rows: number;
  readonly needsApproval: boolean;
  /** The table whose deletes the database would answer so by itself; absent: the line answers differences. */
  readonly effectOf?: string;
  /** Names of the target's triggers that the operation would fire; absent: none. */
  readonly triggers?: readonly string[];
  /** Rows that the approval of a part left out; absent: none. */
  readonly leftOut?: number;
}

export interface PlanSummary {
  readonly digest: string;
  readonly lines: readonly PlanLine[];
  readonly total: number;
  readonly needsApproval: boolean;
  /** The tables over their guard: only an approval that overrides it is taken. Absent: none. */
  readonly blocked?: readonly GuardBreach[];
  /** Of an undo: rows that it leaves alone, as they were changed since their correction. */
  readonly refused?: number;
}

/** How long each phase of a run took, in milliseconds. */
export interface PhaseTimes {
  readonly [phase: string]: number;
}

/** Where the chain of a run stands. */
export interface ChainHead {
  readonly entries: number;
  /** The digest of the last entry, SHA-256 in hex. */
  readonly head: string;
}

/** `trueup status RUN --json` and `trueup run --json`. */
export interface RunReport {
  readonly runId: string;
  readonly kind: 'reconcile' | 'undo' | 'review';
  readonly workflowId: string;
  readonly status: RunStatus;
  readonly planDigest: string | null;
  /** Of an undo: the run that it undoes, and what of it; else null. */
  readonly undo: (UndoScope & { readonly runId: string }) | null;
  readonly mode: RunMode;
  readonly tables: readonly TableSummary[];
  /** What was checked beside the rows. */
  readonly checks: readonly ReportedCheck[];
  readonly corrections: Partial<Record<CorrectionStatus, number>>;
  readonly plan: readonly PlanLine[];
  /** The tables of which the plan would delete or overwrite more than their guard allows. */
  readonly blocked: readonly GuardBreach[];
  /** The decision that was taken; null: none. */
  readonly decision: Decision | null;
  /** Corrections that were not approved where others were: they were not made, and their findings stay OPEN. */
  readonly leftOut: number;
  /** Findings that are not resolved: what this run leaves different in the target. */
  readonly remaining: number;
  /** Findings that stand in the review queue, and those that a reviewer decided to keep; the latter are not remaining. */
  readonly inReview?: number;
  readonly kept?: number;
  /** The resolution that a review's run carries out, and how many of its entries it has closed so far. */
  readonly review?: RecordedResolution & { readonly closed: number };
  /** Touched rows that were compared again after applying, and those that still differ. */
  readonly verified: { readonly checked: number; readonly differing: number } | null;
  /** The databases that it was opened with, by connection, and its ledger; absent in runs of earlier versions. */
  readonly servers?: RunServers;
  /** Rows that triggers and rules changed beside the plan; an undo cannot give them back. Absent: none. */
  readonly sideEffects?: readonly RunSideEffect[];
  /** Of an undo: those of the run that it undoes, which it does not give back; absent: none. */
  readonly notGivenBack?: readonly RunSideEffect[];
  readonly phases: PhaseTimes;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly refusedDecisions: readonly string[];
  /** The chain of its corrections and decisions, by which `trueup audit` checks them; null: it has none. */
  readonly chain: ChainHead | null;
  readonly startedAt: string;
  readonly endedAt: string | null;
}
