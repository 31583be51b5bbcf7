import type { BeforeImage } from '../contracts/before-image';
import type { Comparison } from '../contracts/comparison';
import type { CorrectionStatus, Operation } from '../contracts/correction';
import type { PlanItem } from '../contracts/plan-item';
import type { Queryable } from '../database/connection';
import type { Cascade } from './cascade';
import type { Sides } from './compare-chunk';
import type { OneCause } from './one-cause';
import type { Side } from './side';
import type { SideEffectTerms } from './side-effects';

/** Where backups and markers are kept: in the target, by the session that makes the corrections. */
export interface MarkerStore {
  /** Which of these corrections were committed by an earlier attempt. */
  done(session: Queryable, seqs: readonly string[]): Promise<ReadonlySet<string>>;
  add(session: Queryable, rows: readonly BeforeImage[]): Promise<void>;
}

export interface CorrectionOutcome {
  readonly seq: string;
  readonly status: Extract<CorrectionStatus, 'SUCCESS' | 'SKIPPED_STALE' | 'FAILED'>;
  readonly error: string | null;
  /** A failure that other corrections of the plan may remove: a reference or a unique value that is in the way. */
  readonly mayPass: boolean;
}

/** A table as effects are carried out on it. */
export interface AffectedTable {
  readonly comparison: Comparison;
  readonly side: Side;
  readonly markers: MarkerStore;
  readonly cascades: readonly Cascade[];
}

/** What the plan does to a row with a delete. */
export interface PlannedEffect {
  /** The `seq` of the delete. */
  readonly cause: string;
  readonly operation: Operation;
  /** The columns that it changes; none of a delete. */
  readonly columns: readonly string[];
}

/** What the plan does to the rows that its deletes touch by a foreign key. */
export interface EffectPlan {
  /** The effects of these deletes in order, after `afterSeq`. */
  next(causes: readonly string[], afterSeq: string, limit: number): Promise<readonly PlanItem[]>;
  /** Of these rows, by the digest of their key: of which delete each is an effect, and what is done. */
  find(table: string, keyDigests: readonly string[]): Promise<ReadonlyMap<string, PlannedEffect>>;
  table(name: string): Promise<AffectedTable>;
}

export interface ApplyContext {
  readonly runId: string;
  readonly comparison: Comparison;
  readonly sides: Sides;
  readonly markers: MarkerStore;
  readonly cascades: readonly Cascade[];
  /** What changing the key that rows are referred to by would change. */
  readonly keyChanges: readonly Cascade[];
  /** What may be changed beside the plan; absent: it is not looked at. */
  readonly sideEffects?: SideEffectTerms;
  /** What the batches of a step have failed for so far; absent: each row that fails is tried alone. */
  readonly oneCause?: OneCause;
  /** Absent: the plan has none, so what a delete would touch beside the plan refuses it. */
  readonly effects?: EffectPlan;
}
