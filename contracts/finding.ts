/** The words for what was found, how bad it is, and what became of it. */

export const INCONSISTENCY_TYPES = [
  'missing_in_target',
  'extra_in_target',
  'field_mismatch',
  'referential_violation',
  'temporal_violation',
  'schema_drift',
  'count_mismatch',
  'aggregate_mismatch',
  'rule_violation',
  'anomaly',
] as const;
export type InconsistencyType = (typeof INCONSISTENCY_TYPES)[number];

/** The three types that comparing rows can find. */
export type RowInconsistencyType = Extract<
  InconsistencyType,
  'missing_in_target' | 'extra_in_target' | 'field_mismatch'
>;

export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

export type Resolution =
  | 'OPEN'
  | 'DRY_RUN'
  | 'AUTO_CORRECTED'
  | 'APPROVED_CORRECTED'
  | 'IN_REVIEW'
  | 'KEPT_TARGET'
  | 'REJECTED'
  | 'SKIPPED_STALE'
  | 'FAILED'
  | 'UNDONE';

/** Column name to PostgreSQL's text form, or null for NULL: nothing is lost to a JavaScript number or date. */
export type TextRow = Readonly<Record<string, string | null>>;

/** One line of `trueup findings RUN --json`. */
export interface Finding {
  readonly table: string;
  readonly type: InconsistencyType;
  readonly severity: Severity;
  readonly resolution: Resolution;
  readonly key: TextRow;
  /** The columns that differ, by their name in the source. */
  readonly columns: readonly {
    readonly name: string;
    readonly source: string | null;
    readonly target: string | null;
  }[];
  readonly detail: string | null;
}
