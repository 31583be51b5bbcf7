import type { ApplyCounts, PlanStep } from '../activities/correct';

export interface Passes {
  /** Applies one step; what fails is left for a later pass where that may help, unless this is the `last`. */
  readonly applyStep: (step: PlanStep, last: boolean) => Promise<ApplyCounts>;
  /**
   * Applies what needs each other, each group at once; gives up what fails where it is the `last` time, and nothing is made
   * then. Null: a run of an earlier version, which did not.
   */
  readonly applyTogether: (last: boolean) => Promise<ApplyCounts> | null;
}

/**
 * Applies a plan step by step. What a reference or a unique value stands in the way of is left for another pass, for as
 * long as passes get on. What a pass leaves is tried together; the last pass gives up what still fails.
 */
export async function inPasses(all: readonly PlanStep[], { applyStep, applyTogether }: Passes): Promise<void> {
  let steps = all;
  let [open, last] = [Infinity, false];
  while (steps.length > 0) {
    const left: PlanStep[] = [];
    let deferred = 0;
    for (const step of steps) {
      const counts = await applyStep(step, last);
      deferred += counts.deferred;
      if (counts.deferred > 0) left.push({ ...step, rows: counts.deferred });
    }
    last = deferred >= open;
    open = deferred;
    steps = left;
    if (steps.length === 0) return;
    const joint = await applyTogether(last);
    if (joint === null) continue;
    if (joint.deferred === 0) return;
    if (joint.success > 0) last = false;
  }
}
