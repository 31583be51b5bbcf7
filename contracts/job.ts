import type { ReconcileInput } from './messages';
import type { RunStatus } from './run';

/** The scheduled jobs, each a workflow type, by the name that the config's `schedules` has for it. */
export const JOB_OF = {
  quick: 'quickReconciliation',
  comprehensive: 'comprehensiveReconciliation',
  deep: 'deepValidation',
  businessRules: 'businessLogicValidation',
} as const;
export type ScheduleName = keyof typeof JOB_OF;
export type Job = (typeof JOB_OF)[ScheduleName];
export const SCHEDULE_NAMES = Object.keys(JOB_OF) as readonly ScheduleName[];
export const JOBS: readonly Job[] = Object.values(JOB_OF);

/** How each job runs where its input does not say otherwise. */
export const JOB_RUNS: Readonly<Record<Job, ReconcileInput>> = {
  // Counts of the tables that the config calls critical.
  quickReconciliation: { mode: 'count', critical: true },
  // Some rows of each table; what policy allows is corrected, and the rest is queued for a review.
  comprehensiveReconciliation: { mode: 'sample', sample: { rows: 1_000 }, apply: true, unapproved: 'queue' },
  // Every row, and everything else that can be looked at.
  deepValidation: { mode: 'full', checks: ['counts', 'aggregates', 'anomalies'] },
  businessLogicValidation: { mode: 'rules' },
};

/** Input of a job: one object, every field optional. */
export type JobInput = Pick<ReconcileInput, 'tables' | 'apply' | 'requestedBy' | 'approvalTimeout' | 'unapproved'>;

/** Findings of a run that are still there when it has ended, of one table and type. */
export interface OpenFindings {
  readonly table: string;
  readonly type: string;
  readonly severity: string;
  readonly count: number;
}

/** What an alert tells: names and numbers, never a row. The body of the webhook's POST, as JSON. */
export interface Alert {
  /** The same however often the alert is sent. */
  readonly id: string;
  readonly job: Job;
  /** null: the run could not be entered in the ledger. */
  readonly runId: string | null;
  readonly workflowId: string;
  readonly status: RunStatus;
  /** Open findings of high or critical severity. */
  readonly highSeverity: number;
  /** What the run leaves different, of any severity. */
  readonly remaining: number;
  readonly findings: readonly OpenFindings[];
  readonly error: { readonly code: string; readonly message: string } | null;
  /** For people, in one line. */
  readonly text: string;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** What a job returns. */
export interface JobResult {
  readonly job: Job;
  readonly runId: string | null;
  /** `awaiting_approval`: its run goes on without the job, and waits. */
  readonly status: RunStatus;
  readonly issuesFound: number;
  readonly corrections: number;
  readonly queued: number;
  /** What its run leaves different, of any severity; above 0 the run's exit code is 1. Absent in histories of earlier versions. */
  readonly remaining?: number;
  readonly highSeverity: number;
  /** Whether somebody was alerted; `failed`: the log has it, and the webhook did not take it. */
  readonly alert: 'none' | 'raised' | 'failed';
}
