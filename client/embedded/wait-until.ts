import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  readonly timeoutMs: number;
  /** Milliseconds between two looks. */
  readonly everyMs?: number;
}

/** Asks `check` until it is true; false when time is up first. What `check` throws counts as "not yet". */
export async function waitUntil(check: () => boolean | Promise<boolean>, options: WaitOptions): Promise<boolean> {
  const deadline = Date.now() + options.timeoutMs;
  for (;;) {
    try {
      if (await check()) return true;
    } catch {
      // Not yet.
    }
    if (Date.now() >= deadline) return false;
    await sleep(options.everyMs ?? 50);
  }
}
