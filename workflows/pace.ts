import { condition } from '@temporalio/workflow';
import type { ChunkLimits, Tuning } from '../contracts/throttle';
import { Lanes } from './lanes';

/** How fast this table is compared. */
export class Pace {
  readonly lanes: Lanes;

  constructor(private current: Tuning) {
    this.lanes = new Lanes(this.#width());
  }

  get tuning(): Tuning {
    return this.current;
  }

  get limits(): ChunkLimits {
    const { concurrency, maxChunksPerConnection: perConnection } = this.current;
    return { concurrency, perConnection };
  }

  change(tuning: Tuning): void {
    this.current = tuning;
    this.lanes.width = this.#width();
  }

  /** Waits for as long as the run is paused. */
  async go(): Promise<void> {
    if (this.current.paused !== null) await condition(() => this.current.paused === null);
  }

  #width(): number {
    return this.current.paused === null ? this.current.concurrency : 0;
  }
}
