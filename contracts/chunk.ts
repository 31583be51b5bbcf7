/** Text forms of the key columns, in the key's order: a bound of a range. */
export type KeyBound = readonly string[];

/** A half-open range of the key, `[from, to)`; null is open. */
export interface KeyRange {
  readonly from: KeyBound | null;
  readonly to: KeyBound | null;
}

/**
 * Which rows a chunk holds and how they are compared:
 * - `range`: the rows of a range of the key, found by an index;
 * - `buckets`: all rows with a key, in slices by the hash of the key, in one scan of each side;
 * - `nulls`: the rows whose key holds a NULL, by counting equal rows;
 * - `multiset`: all rows of a table that no key tells apart, by counting equal rows;
 * - `keys`: the rows of some keys, which were chosen when it was planned.
 */
export type ChunkKind = 'range' | 'buckets' | 'nulls' | 'multiset' | 'keys';

/** What a chunk holds. */
export interface ChunkRange extends KeyRange {
  readonly kind: ChunkKind;
  /** The lowest and highest key seen while planning; only hints, rows beyond them are still in the chunk. */
  readonly low: KeyBound | null;
  readonly high: KeyBound | null;
  /** How many slices by hash the chunk has, a power of two, fixed when it was planned; null: as the engine lays them. */
  readonly slices: number | null;
  /** The keys of a chunk of the kind `keys`. */
  readonly keys?: readonly KeyBound[];
}

/** A chunk of a table pair, numbered from 0 in the order of the key. */
export interface Chunk extends ChunkRange {
  readonly no: number;
}
