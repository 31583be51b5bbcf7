/** Pauses a run while a query of the user's gives a number above a limit, such as the lag of a replica in seconds. */
export interface PauseWhile {
  /** What the number is, in a word or two; it stands in what the run shows. */
  readonly name: string;
  readonly connection: string;
  /** Gives one number; no row or NULL counts as not above. Run in read-only sessions, where names need their schema. */
  readonly query: string;
  readonly above: number;
  readonly everyMs: number;
}

export interface Throttle {
  /** Chunks that one worker compares at once on one database; null: as many as `concurrency` allows. */
  readonly maxChunksPerConnection: number | null;
  readonly pauseWhile: PauseWhile | null;
}

/** How a run compares right now. */
export interface Tuning {
  /** Chunks of one table, and of one worker, compared at once. */
  readonly concurrency: number;
  readonly maxChunksPerConnection: number | null;
  /** Why nothing new is begun; null: the run is not paused. What was begun goes on to its end. */
  readonly paused: string | null;
}

/** How many chunks one worker compares at once, on behalf of one run. */
export interface ChunkLimits {
  readonly concurrency: number;
  readonly perConnection: number | null;
}
