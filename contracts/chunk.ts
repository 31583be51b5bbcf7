/** Text forms of the key columns, in the key's order: a bound of a range. */
export type KeyBound = readonly string[];

/** A half-open range of the key, `[from, to)`; null is open. */
export interface KeyRange {
  readonly from: KeyBound | null;
  readonly to: KeyBound | null;
}

/** The range of a chunk. */
export interface ChunkRange extends KeyRange {
  /** The lowest and highest key seen while planning; only hints, rows beyond them are still in the chunk. */
  readonly low: KeyBound | null;
  readonly high: KeyBound | null;
}

/** A chunk of a table pair, numbered from 0 in the order of the key. */
export interface Chunk extends ChunkRange {
  readonly no: number;
}
