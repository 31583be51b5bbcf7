import type { CorrectionStatus, Operation } from './correction';
import type { InconsistencyType, Severity } from './finding';
import type { RunStatus } from './run';

/** Findings of one table, type and severity, and what became of them as things stand. */
export interface FindingTally {
  readonly table: string;
  readonly type: InconsistencyType;
  readonly severity: Severity;
  readonly findings: number;
  readonly corrected: number;
  readonly inReview: number;
  /** Those that a reviewer decided to keep. */
  readonly kept: number;
}

export interface CorrectionTally {
  readonly table: string;
  readonly operation: Operation;
  readonly status: CorrectionStatus;
  /** Whether they were made by a run that compared, and needed no approval. */
  readonly automatic: boolean;
  readonly corrections: number;
}

/** How many of the findings of the three types that rows have were corrected without an approval. */
export interface AutoCorrection {
  readonly rowFindings: number;
  readonly corrected: number;
  /** From 0 to 1; null: there were no such findings. */
  readonly rate: number | null;
}

/** One line of `job_history`. */
export interface JobLine {
  readonly runId: string;
  readonly jobType: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly status: string;
  readonly issuesFound: number;
  readonly corrections: number;
  readonly queued: number;
  /** What the run left different; null in lines of earlier versions. */
  readonly remaining: number | null;
  readonly error: string | null;
}

/** What some runs found and corrected: those of a day, or one. */
export interface Tally {
  readonly findings: {
    readonly total: number;
    readonly byTable: Readonly<Record<string, number>>;
    readonly byType: Partial<Readonly<Record<InconsistencyType, number>>>;
    readonly bySeverity: Partial<Readonly<Record<Severity, number>>>;
    readonly lines: readonly FindingTally[];
  };
  /** Tables with at least one finding, of any type. */
  readonly tablesAffected: number;
  readonly corrections: {
    readonly byStatus: Partial<Readonly<Record<CorrectionStatus, number>>>;
    readonly automatic: number;
    readonly lines: readonly CorrectionTally[];
  };
  readonly autoCorrection: AutoCorrection;
  readonly jobs: readonly JobLine[];
  /** Older jobs than those that are listed. */
  readonly jobsLeftOut: number;
  /** Runs whose findings and corrections were purged, and are in none of these numbers. */
  readonly purgedRuns: number;
}

/** `trueup report daily --json`. */
export interface DailyReport extends Tally {
  /** `YYYY-MM-DD`: the day, in UTC, on which the runs began. */
  readonly date: string;
  readonly timeZone: 'UTC';
  /** Whether the day has ended; the numbers of its runs may change still, as long as one goes on. */
  readonly isOver: boolean;
  readonly runs: {
    readonly total: number;
    readonly byStatus: Partial<Readonly<Record<RunStatus, number>>>;
  };
}

/** One day of a trend. */
export interface TrendDay {
  readonly date: string;
  readonly isOver: boolean;
  readonly runs: number;
  /** Null: the day has no data, as no run looked at anything to its end; that is not 0. */
  readonly findings: number | null;
  readonly corrections: number;
  readonly autoCorrection: AutoCorrection;
  readonly purgedRuns: number;
}

export type Verdict = 'increasing' | 'decreasing' | 'stable';

export interface Trend {
  /** Null: it cannot be told; `reason` says why. */
  readonly verdict: Verdict | null;
  readonly reason: string | null;
  /** The day that is held against those before it. */
  readonly date: string | null;
  readonly findings: number | null;
  /** Mean of the days before it that have data. */
  readonly mean: number | null;
  /** `findings` ÷ `mean`; null where the mean is 0. */
  readonly ratio: number | null;
}

/** `trueup report trend --json`. */
export interface TrendReport {
  readonly from: string;
  readonly to: string;
  readonly timeZone: 'UTC';
  /** The oldest day first; every day is there. */
  readonly days: readonly TrendDay[];
  readonly trend: Trend;
}
