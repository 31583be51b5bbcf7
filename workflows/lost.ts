import { long } from './activities';

export interface LostScope {
  /** IDs of runs or of workflows; null: all. */
  readonly runs: readonly string[] | null;
  /** ISO time: those that began before it; null: all. */
  readonly before: string | null;
}

/** Ends runs in the ledger whose workflow was ended from outside, and returns how many. */
export function endLost(scope: LostScope): Promise<number> {
  return long.endLostRuns.executeWithOptions({ summary: 'end runs whose workflow is gone' }, [scope]);
}
