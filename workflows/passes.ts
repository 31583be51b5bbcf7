import type { ApplyCounts, PlanStep } from '../activities/correct';

/** Applies one step; what fails is left for a later pass where that may help, unless this is the `last`. */
export type ApplyOne = (step: PlanStep, last: boolean) => Promise<ApplyCounts>;

/**
 * Applies a plan step by step. What a reference or a unique value stands in the way of is left for another pass, for
 * as long as passes get on; the last pass gives up what still fails.
 */
export async function inPasses(all: readonly PlanStep[], applyOne: ApplyOne): Promise<void> {
  let steps = all;
  let [open, last] = [Infinity, false];
  while (steps.length > 0) {
    const left: PlanStep[] = [];
    let deferred = 0;
    for (const step of steps) {
      const counts = await applyOne(step, last);
      deferred += counts.deferred;
      if (counts.deferred > 0) left.push({ ...step, rows: counts.deferred });
    }
    last = deferred >= open;
    open = deferred;
    steps = left;
  }
}
