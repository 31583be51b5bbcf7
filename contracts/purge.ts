/** Input of the workflow `purge`: one object, every field optional; `{}` says what the config's retention would drop. */
export interface PurgeInput {
  /** A duration such as `90d`: runs that ended longer ago; default: the config's `ledger.retention`, unless `runs` is given. */
  readonly olderThan?: string;
  /** IDs of runs, whatever their age. */
  readonly runs?: readonly string[];
  /** Whether to drop findings, plans and corrections too; default: before-images only. */
  readonly findings?: boolean;
  /** false (the default) drops nothing: it says what would be dropped. */
  readonly apply?: boolean;
  /** What was shown: where something else would be dropped by now, nothing is. */
  readonly digest?: string;
  readonly requestedBy?: string;
}

/** What is dropped of one table. */
export interface PurgeLine {
  /** The name of a table pair, or of a table of the ledger. */
  readonly table: string;
  readonly rows: number;
  /** Bytes of the rows themselves, as they are stored, without indexes. */
  readonly bytes: number;
}

/** Why runs that are old enough are kept, and how many. */
export interface PurgeKept {
  readonly notEnded: number;
  readonly undoUnderWay: number;
  /** Undos without which it were not known what of an older run is undone; their findings are kept with it. */
  readonly neededByUndo: number;
}

/** What a purge drops, or would drop. */
export interface PurgeSummary {
  readonly status: 'dry_run' | 'done';
  /** Identifies the runs, and whether their findings go too. */
  readonly digest: string;
  /** Runs that ended before this time; null: by their IDs. */
  readonly cutoff: string | null;
  readonly findings: boolean;
  readonly runs: number;
  /** The oldest of them, at most 20. */
  readonly oldest: readonly string[];
  /** Runs that a further purge would take: one takes the 10,000 oldest. */
  readonly more: number;
  /** Before-images by table pair. */
  readonly images: readonly PurgeLine[];
  /** Rows of the ledger by table; empty unless findings go too. */
  readonly ledger: readonly PurgeLine[];
  readonly kept: PurgeKept;
}
