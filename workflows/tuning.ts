import {
  ApplicationFailure,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  setHandler,
} from '@temporalio/workflow';
import { checkTuneMessage } from '../contracts/input';
import type { TuneMessage } from '../contracts/messages';
import type { Tuning } from '../contracts/throttle';
import { tune, tuneTable } from './messages';

interface Settings {
  readonly concurrency: number;
  readonly maxChunksPerConnection: number | null;
}

/** How a run compares: as its config says, as it was tuned since, and whether it pauses. Tells the tables of changes. */
export class Tuner {
  #settings: Settings | null = null;
  #tuned: Omit<TuneMessage, 'pause'> = {};
  #isPaused = false;
  #held: string | null = null;
  #over: string | null = null;
  readonly #tables = new Set<string>();

  constructor(private readonly onChange: () => void) {}

  /** Registers the handler; to be called before anything is awaited. */
  listen(): void {
    setHandler(tune, (message) => this.#answer(message), {
      description:
        'Change how a run compares: {"concurrency": 2, "maxChunksPerConnection": 1, "pause": true | false}, each optional; answers with what holds now',
      validator: (message: unknown) => {
        const checked = checkTuneMessage(message);
        if (!checked.ok) throw refusal('INPUT_INVALID', `tune: ${checked.problem}`);
        if (this.#over !== null) throw refusal('TUNE_REFUSED', `the run compares no more: ${this.#over}`);
      },
    });
  }

  /** What holds now; null before the run is open. */
  get tuning(): Tuning | null {
    if (!this.#settings) return null;
    const paused = this.#isPaused ? 'by request' : this.#held;
    return { ...this.#settings, ...this.#tuned, paused };
  }

  /** Whether the config's own query has the run pause. */
  get isHeld(): boolean {
    return this.#held !== null;
  }

  opened({ concurrency, maxChunksPerConnection }: Settings): void {
    this.#settings = { concurrency, maxChunksPerConnection };
  }

  /** From now on there is nothing left to tune, for this reason. */
  close(why: string): void {
    this.#over ??= why;
  }

  /** Pauses for a reason that the config has, or goes on. */
  async hold(reason: string | null): Promise<void> {
    this.#held = reason;
    await this.#tell();
  }

  /** While `use` goes on, a table's workflow hears of every change since it was given `known`. */
  async telling<T>(workflowId: string, known: Tuning, use: () => Promise<T>): Promise<T> {
    this.#tables.add(workflowId);
    try {
      if (JSON.stringify(this.tuning) !== JSON.stringify(known)) await this.#tellTable(workflowId);
      return await use();
    } finally {
      this.#tables.delete(workflowId);
    }
  }

  async #answer({ pause, ...tuned }: TuneMessage): Promise<Tuning> {
    this.#tuned = { ...this.#tuned, ...withoutNulls(tuned) };
    this.#isPaused = pause ?? this.#isPaused;
    await condition(() => this.#settings !== null || this.#over !== null);
    await this.#tell();
    const { tuning } = this;
    if (tuning === null) throw refusal('TUNE_REFUSED', `the run compares no more: ${this.#over ?? ''}`);
    return tuning;
  }

  async #tell(): Promise<void> {
    this.onChange();
    await Promise.all([...this.#tables].map((workflowId) => this.#tellTable(workflowId)));
  }

  async #tellTable(workflowId: string): Promise<void> {
    const { tuning } = this;
    if (tuning === null) return;
    try {
      await getExternalWorkflowHandle(workflowId).signal(tuneTable, tuning);
    } catch (error) {
      // A table that has ended meanwhile needs no tuning.
      if (isCancellation(error)) throw error;
    }
  }
}

function withoutNulls(message: TuneMessage): TuneMessage {
  return Object.fromEntries(Object.entries(message).filter(([, value]) => value !== null && value !== undefined));
}

function refusal(type: 'INPUT_INVALID' | 'TUNE_REFUSED', message: string): ApplicationFailure {
  return ApplicationFailure.create({ type, message, nonRetryable: true });
}
