import type { LoadedTable } from '../load';
import type { ProcessorTime } from '../processor-time';

/** One measurement. */
export interface Measured {
  readonly seconds: number;
  /** Why the answer was not the right one; null: it was, or none was asked for. */
  readonly wrong: string | null;
  /** Seconds within `seconds` in which a run waited on purpose before it read what differs again. */
  readonly waited?: number;
  /** Processor time that the servers, the worker and this process took meanwhile; absent where nobody tells. */
  readonly processor?: ProcessorTime;
}

export const CONTESTANTS = ['limit', 'engine', 'run', 'reladiff'] as const;
export type ContestantName = (typeof CONTESTANTS)[number];

/** Something that compares a table pair while the clock runs. */
export interface Contestant {
  readonly name: ContestantName;
  measure(table: LoadedTable): Promise<Measured>;
  close(): Promise<void>;
}

/** Seconds that `work` takes, and what comes of it. */
export async function timed<T>(work: () => Promise<T>): Promise<{ readonly seconds: number; readonly result: T }> {
  const start = performance.now();
  const result = await work();
  return { seconds: (performance.now() - start) / 1_000, result };
}

/** Null when both are equal as JSON; else what was expected and what was found. */
export function wrongAnswer(expected: object, found: object): string | null {
  const [wanted, given] = [JSON.stringify(expected), JSON.stringify(found)];
  return wanted === given ? null : `expected ${wanted}, found ${given}`;
}
