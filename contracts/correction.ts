import type { TextRow } from './finding';

/** What a plan does to the target, and what came of it. */

export const OPERATIONS = ['insert', 'update', 'delete'] as const;
export type Operation = (typeof OPERATIONS)[number];

export const CORRECTION_STATUSES = ['SUCCESS', 'FAILED', 'SKIPPED_STALE', 'DRY_RUN'] as const;
export type CorrectionStatus = (typeof CORRECTION_STATUSES)[number];

/** One entry of the correction log: a line of `trueup corrections RUN --json`. */
export interface Correction {
  /** Its number in the run. */
  readonly seq: string;
  readonly table: string;
  readonly operation: Operation;
  readonly status: CorrectionStatus;
  /** Key columns by their source names. */
  readonly key: TextRow;
  /** The full target row that was expected; null: no row. */
  readonly before: TextRow | null;
  /** The values to write; null for a delete. */
  readonly after: TextRow | null;
  /** Why it was not made; null: it was, or was only planned. */
  readonly error: string | null;
  readonly approver: string | null;
  /** Whether it overwrote what was changed since the correction that it took back. */
  readonly forced: boolean;
  /** How its row differed when it was read again at the end: somebody wrote it since. Absent: it did not, or was not read. */
  readonly differs?: string;
  readonly at: string;
}

/** What may be done about one kind of difference: fix it unasked, ask, queue it for a person, or only report it. */
export type CorrectionPolicy = 'auto' | 'approve' | 'review' | 'ignore';

export interface CorrectionPolicies {
  readonly missing: CorrectionPolicy;
  readonly mismatched: CorrectionPolicy;
  readonly extra: CorrectionPolicy;
}
