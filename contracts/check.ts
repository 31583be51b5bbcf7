import type { ColumnDifference } from './difference';
import type { ErrorCode } from './errors';
import type { Finding, InconsistencyType, Severity, TextRow } from './finding';

/** What a run can look for beside comparing rows. */
export const CHECK_KINDS = ['drift', 'references', 'times', 'counts', 'aggregates', 'rules', 'anomalies'] as const;
export type CheckKind = (typeof CHECK_KINDS)[number];

/** One check of a run: its kind, and the table pair or the rule that it is about, by name. */
export interface CheckRef {
  readonly kind: CheckKind;
  readonly subject: string;
}

/**
 * `passed`: it looked at everything and found nothing; `failed`: it found something, or what it found did not come to
 * rest; `incomplete`: it could not look at everything.
 */
export type CheckStatus = 'pending' | 'passed' | 'failed' | 'incomplete';

/** Where a check of a run stands. */
export interface CheckSummary extends CheckRef {
  readonly status: CheckStatus;
  /** What it found and was still so when it looked again. */
  readonly findings: number;
  /** What it found first, and no longer when it looked again. */
  readonly transient: number;
  /** What was another whenever it looked. */
  readonly unsettled: number;
  /** What it looked at and came to, in a line; names and numbers only. */
  readonly detail: string | null;
  readonly error: { readonly code: ErrorCode; readonly message: string } | null;
}

/** A check in the report of a run. */
export interface ReportedCheck extends CheckSummary {
  /** Of a business rule that found something: its first differences, ten at the most. */
  readonly first?: readonly Finding[];
}

/** What a check found, once. */
export interface CheckFinding {
  /** The table pair, or the rule, that it is listed under. */
  readonly table: string;
  readonly type: InconsistencyType;
  readonly severity: Severity;
  /** Which of the things that the check looks for it is: a condition, a foreign key, a column; '' where there is one only. */
  readonly about: string;
  /** What tells it from others about the same: a row's key, a group's values. */
  readonly key: TextRow;
  readonly differences: readonly ColumnDifference[];
  readonly source: TextRow | null;
  readonly target: TextRow | null;
  /** For people, in one line. */
  readonly detail: string;
}

/** What a check came to when it has looked at everything. */
export interface CheckOutcome {
  /** See {@link CheckSummary.detail}. */
  readonly detail: string;
  /** Rows of the table pair that it counted, where it counts them all. */
  readonly rows?: { readonly source: number; readonly target: number };
}

/** How a run looks at its tables. */
export const RUN_MODES = ['full', 'count', 'aggregate', 'incremental', 'sample', 'rules'] as const;
export type RunMode = (typeof RUN_MODES)[number];

/** Which rows a mode compares, and what it checks by itself. */
export const MODES: Readonly<
  Record<RunMode, { readonly rows: 'all' | 'changed' | 'sample' | null; readonly checks: readonly CheckKind[] }>
> = {
  full: { rows: 'all', checks: ['drift', 'references', 'times'] },
  count: { rows: null, checks: ['counts'] },
  aggregate: { rows: null, checks: ['aggregates'] },
  incremental: { rows: 'changed', checks: ['counts'] },
  sample: { rows: 'sample', checks: [] },
  rules: { rows: null, checks: ['rules'] },
};

/** A business rule: what two queries come to has to agree, value by value. */
export interface BusinessRule {
  readonly name: string;
  /** Key columns, then one value. */
  readonly sourceQuery: string;
  readonly targetQuery: string;
  /** A decimal number: how far two values may lie apart. */
  readonly tolerance: string;
  readonly source: string;
  readonly target: string;
  readonly timeoutMs: number;
}

/** A reference that no constraint has to say. Names of columns are those of the source. */
export interface NamedReference {
  readonly columns: readonly string[];
  /** The name of the parent's table pair. */
  readonly parent: string;
  /** null: the parent's key. */
  readonly parentColumns: readonly string[] | null;
}

/** What is checked of a table pair beside its rows, as the config has it. Names of columns are those of the source. */
export interface TableChecks {
  /** Conditions such as `created_at <= shipped_at`. */
  readonly order: readonly { readonly left: string; readonly operator: string; readonly right: string }[];
  readonly notFuture: readonly string[];
  /** Column to the earliest time that it may hold, as PostgreSQL reads it. */
  readonly notBefore: Readonly<Record<string, string>>;
  /** Columns that may never fall along the key. */
  readonly monotonic: readonly string[];
  /** Columns or SQL expressions; null: those that are chosen by the table's shape. */
  readonly groupBy: readonly string[] | null;
  /** Numeric columns that are summed up by group; null: all of them. */
  readonly sums: readonly string[] | null;
  /** How far counts may lie apart before it is of high severity. */
  readonly countHigh: number;
  readonly references: readonly NamedReference[];
}

export const DEFAULT_CHECKS: TableChecks = {
  order: [],
  notFuture: [],
  notBefore: {},
  monotonic: [],
  groupBy: null,
  sums: null,
  countHigh: 100,
  references: [],
};
