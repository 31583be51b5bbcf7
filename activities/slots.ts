interface Waiting {
  readonly limit: number;
  readonly admit: () => void;
}

/** Admits holders up to a limit: the slots' own, or a lower one that comes with the request. First come, first served. */
export class Slots {
  #held = 0;
  readonly #waiting: Waiting[] = [];

  constructor(private readonly count: number) {}

  /** Runs `use` while at most `limit` slots are held, this one included; gives up waiting when the signal aborts. */
  async with<T>(signal: AbortSignal, use: () => Promise<T>, limit = Infinity): Promise<T> {
    await this.#take(signal, Math.min(limit, this.count));
    try {
      return await use();
    } finally {
      this.#held -= 1;
      this.#admitNext();
    }
  }

  async #take(signal: AbortSignal, limit: number): Promise<void> {
    signal.throwIfAborted();
    if (this.#held < limit) {
      this.#held += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        reject(signal.reason as Error);
      };
      const entry: Waiting = {
        limit,
        admit: () => {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      this.#waiting.push(entry);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  /** Who came first among those that the number of holders allows. */
  #admitNext(): void {
    for (;;) {
      const next = this.#waiting.findIndex(({ limit }) => this.#held < limit);
      const [entry] = next < 0 ? [] : this.#waiting.splice(next, 1);
      if (!entry) return;
      this.#held += 1;
      entry.admit();
    }
  }
}
