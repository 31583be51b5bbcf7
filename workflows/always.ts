import { CancellationScope } from '@temporalio/workflow';

/** Does `work` and then `last`, however `work` ended; what `work` threw is never hidden by a failure of `last`. */
export async function always<T>(work: () => Promise<T>, last: () => Promise<unknown>): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await attempt(last);
    throw error;
  }
  await CancellationScope.nonCancellable(last);
  return result;
}

/** Does what has to follow a failure, also when cancelled; that it fails too is not what matters then. */
export async function attempt(last: () => Promise<unknown>): Promise<void> {
  await CancellationScope.nonCancellable(last).catch(() => undefined);
}
