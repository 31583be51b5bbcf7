import type { RowInconsistencyType, TextRow } from './finding';

/**
 * 64-bit hashes, in decimal, of all that was read of a row on each side; null: no row. Each is compared only with a later
 * one of the same side: it says whether the row has changed.
 */
export interface RowDigests {
  readonly source: string | null;
  readonly target: string | null;
}

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
  /** Digests of the two rows as they were read; see {@link RowDigests}. */
  readonly digests: RowDigests;
  readonly differences: readonly ColumnDifference[];
  /** Given where rows are counted, not matched by a key: `key` then holds all compared values; else null. */
  readonly counts: RowCounts | null;
  /** What else is to be said of it; absent: nothing. */
  readonly detail?: string;
  /** Nothing is planned for it: which row it would be of is not clear. */
  readonly held?: true;
  /** Present where the one row has another spelling of its key on one side, which is a key of its own there. */
  readonly twin?: Twin;
}

/** The other spelling of a row's key. */
export interface Twin {
  /** SHA-256 of that key, in hex. */
  readonly keyDigest: string;
  /** The side on which it is spelt so. */
  readonly role: 'source' | 'target';
}

/** What a candidate is read again by, and compared with. */
export interface Candidate {
  readonly keyDigest: string;
  readonly key: TextRow;
  readonly type: RowInconsistencyType;
  /** As they were read last. */
  readonly digests: RowDigests;
  /** As they were read last; see {@link Difference}. */
  readonly detail?: string;
  readonly held?: true;
  readonly twin?: Twin;
}

/**
 * What reading a differing row again by its key came to: both sides agree now (`healed`: the difference was transient), a
 * side's row changed since it was read before and they still differ (`moving`), or nothing has changed (`still`).
 */
export type Reading = Pick<Candidate, 'keyDigest' | 'key'> &
  (
    | { readonly state: 'healed' }
    | { readonly state: 'still'; readonly type: RowInconsistencyType }
    | { readonly state: 'moving'; readonly difference: Difference }
  );
