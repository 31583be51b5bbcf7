import type { RowInconsistencyType, TextRow } from './finding';

/** One differing column: its names on both sides and its values in text form. */
export interface ColumnDifference {
  readonly name: string;
  readonly targetName: string;
  readonly source: string | null;
  readonly target: string | null;
}

/** How many equal rows each side has of a row that no key names. */
export interface RowCounts {
  readonly source: number;
  readonly target: number;
}

/** A row that differed when it was read last, with all that is needed to report and to correct it. */
export interface Difference {
  /** SHA-256 of the canonical key, in hex. */
  readonly keyDigest: string;
  readonly key: TextRow;
  readonly type: RowInconsistencyType;
  /** The mapped columns of the source row, by source name; null: no row. */
  readonly source: TextRow | null;
  /** Every column of the target row, by target name; null: no row. */
  readonly target: TextRow | null;
  readonly differences: readonly ColumnDifference[];
  /** Given where rows are counted, not matched by a key: `key` then holds all compared values; else null. */
  readonly counts: RowCounts | null;
}

/** What reading a differing row again by its key came to. */
export interface Reading {
  readonly keyDigest: string;
  /** null: both sides agree now, the difference was transient. */
  readonly difference: Difference | null;
  /** Whether a side's row changed since it was read before. */
  readonly moving: boolean;
}
