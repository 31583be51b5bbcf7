/** A table as the target's server names it. */
export interface SideTable {
  readonly schema: string;
  readonly table: string;
}

/**
 * What may be changed beside the plan, by triggers and rules: `record`: nothing in tables of the config, and in others
 * whatever is, which is recorded; `forbid`: nothing at all; `allow`: as `record`, and these tables as well.
 */
export type SideEffectPolicy = 'record' | 'forbid' | { readonly allow: readonly SideTable[] };

/** Rows that were changed beside the plan, in one table. */
export interface SideEffect extends SideTable {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  /** Whether it was emptied or altered as a whole, which counts no rows. */
  readonly truncated: boolean;
}

/** Those of a run on one of its targets. */
export interface RunSideEffect extends SideEffect {
  readonly connection: string;
}
