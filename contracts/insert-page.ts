/** Planned inserts that lie side by side in a plan. The lists are PostgreSQL's arrays as text, and go on as they are. */
export interface InsertPage {
  readonly seqs: readonly string[];
  /** `bigint[]` of the same. */
  readonly seqArray: string;
  /** `jsonb[]`: the keys by their source names. */
  readonly keyArray: string;
  /** `jsonb[]`: what is written, by the target's names. */
  readonly afterArray: string;
  /** SHA-256 in hex of each row that the source must still have, as jsonb writes out its columns. */
  readonly expected: readonly string[];
  /** Characters of what is written. */
  readonly characters: number;
}
