/** What a plan does to the target, and what came of it. */

export const OPERATIONS = ['insert', 'update', 'delete'] as const;
export type Operation = (typeof OPERATIONS)[number];

export type CorrectionStatus = 'SUCCESS' | 'FAILED' | 'SKIPPED_STALE' | 'DRY_RUN';

/** What may be done about one kind of difference: fix it unasked, ask, queue it for a person, or only report it. */
export type CorrectionPolicy = 'auto' | 'approve' | 'review' | 'ignore';

export interface CorrectionPolicies {
  readonly missing: CorrectionPolicy;
  readonly mismatched: CorrectionPolicy;
  readonly extra: CorrectionPolicy;
}
