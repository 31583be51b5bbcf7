import { once } from 'node:events';
import type { Writable } from 'node:stream';

/**
 * One of the process's output streams. A reader that goes away (`trueup findings … | head`) is no failure: what is
 * written after that is dropped, and `closed` tells a long listing that it can stop.
 */
export class Output {
  #closed = false;

  constructor(
    readonly stream: Writable,
    readonly isTerminal: boolean,
  ) {
    stream.on('error', () => (this.#closed = true));
  }

  get closed(): boolean {
    return this.#closed || this.stream.destroyed;
  }

  /** Writes without waiting: for the few lines of a message. */
  line(text = ''): void {
    if (!this.closed) this.stream.write(`${text}\n`);
  }

  /** Writes and waits while the reader is slower than we are: for listings of any length. */
  async write(text: string): Promise<void> {
    if (this.closed || this.stream.write(text)) return;
    const gone = new AbortController();
    const leave = () => gone.abort();
    this.stream.once('close', leave);
    try {
      await once(this.stream, 'drain', { signal: gone.signal });
    } catch {
      this.#closed = true;
    } finally {
      this.stream.off('close', leave);
    }
  }

  /** Resolves when everything written has been handed to the system. */
  async flush(): Promise<void> {
    if (this.closed) return;
    await new Promise<void>((resolve) => {
      this.stream.once('close', resolve);
      this.stream.write('', () => resolve());
    });
  }
}
