/** Planned inserts that lie side by side in a plan. The lists are PostgreSQL's arrays as text, and go on as they are. */
export interface InsertPage {
  readonly seqs: readonly string[];
  /** `bigint[]` of the same. */
  readonly seqArray: string;
  /** A `text[]` for each column of the key, in its order: values by which the rows are found. */
  readonly keyArrays: readonly string[];
  /** A `text[]` for each column that is written, in the comparison's order; null: the column is to be NULL. */
  readonly afterArrays: readonly string[];
  /**
   * SHA-256 in hex of the columns of each row that the source must still have, as texts; empty where the plan has other
   * columns than those that are read or written, so that no row is the one.
   */
  readonly expected: readonly string[];
  /** Characters of what is written. */
  readonly characters: number;
}
