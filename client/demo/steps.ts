import type { Io } from '../commands/io';
import { duration } from '../render/text';

/** Says of each step of a set-up, on one line and when it is done, how long it took. */
export class Steps {
  constructor(private readonly io: Io) {}

  async step<T>(done: string, body: () => Promise<T>): Promise<T> {
    const startedAt = Date.now();
    const result = await body();
    const { colors, out } = this.io;
    out.line(`${colors.green('✓')} ${done} ${colors.dim(`(${duration(Date.now() - startedAt)})`)}`);
    return result;
  }

  /** Something that takes long enough to be named before it is done. */
  note(text: string): void {
    this.io.out.line(this.io.colors.dim(`  ${text}`));
  }
}

/** What was started and has to be stopped, the newest first, whatever happens in between. */
export class Cleanup {
  readonly #stops: (() => Promise<unknown>)[] = [];

  add(stop: () => Promise<unknown>): void {
    this.#stops.push(stop);
  }

  /** Stops everything once; what fails to stop does not keep the rest from being stopped. */
  async run(): Promise<void> {
    for (let stop = this.#stops.pop(); stop; stop = this.#stops.pop()) await stop().catch(() => undefined);
  }
}

/** The outcome of `body`, or a throw as soon as `signal` is aborted; what `body` still does then is not waited for. */
export async function orAborted<T>(signal: AbortSignal, body: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  body.catch(() => undefined);
  try {
    return await Promise.race([body, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
