import type { PlanItem } from '../contracts/plan-item';
import type { CorrectionOutcome } from './apply-context';
import { reasonOf } from './refusal';
import type { SideEffectFailure } from './side-effects';

/** How many corrections of a step have to fail alone for one cause, in a row, before others are taken to fail likewise. */
const ENOUGH = 8;

/**
 * Remembers, over the batches of a step, whether one correction after the other fails alone for one and the same change beside the
 * plan. A trigger mostly does to every row what it does to one: then trying each is many transactions for nothing.
 */
export class OneCause {
  #origin: string | null = null;
  #rows = 0;

  /** A correction that stood alone was refused. */
  refused({ origin }: SideEffectFailure): void {
    this.#rows = origin === this.#origin ? this.#rows + 1 : 1;
    this.#origin = origin;
  }

  /** Corrections were made: not every row is refused. */
  made(): void {
    this.#origin = null;
    this.#rows = 0;
  }

  /** Whether as many as that were refused alone for the cause of this failure, and none was made since. */
  explains({ origin }: SideEffectFailure): boolean {
    return origin === this.#origin && this.#rows >= ENOUGH;
  }
}

/** Of corrections that failed together those that are tried alone first: first, middle and last. */
export function probes(items: readonly PlanItem[]): readonly PlanItem[] {
  const at = new Set([0, Math.floor(items.length / 2), items.length - 1]);
  return items.filter((_, i) => at.has(i));
}

/** Corrections that were tried together and not alone; another run tries them again. */
export function failedAlike(items: readonly PlanItem[], error: SideEffectFailure): readonly CorrectionOutcome[] {
  const why = `${reasonOf(error, [])}. The row was tried together with others only, as the rows before it that were tried alone all failed for this`;
  return items.map(({ seq }) => ({ seq, status: 'FAILED', error: why, mayPass: false }));
}
