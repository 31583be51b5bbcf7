// Workflows with faults, for workflow-failures.test.ts.
import { defineSignal, defineUpdate, setHandler, sleep } from '@temporalio/workflow';

export const trip = defineSignal('trip');
export const slow = defineUpdate<string>('slow');

const nothing = (): { readonly name: string } => undefined as unknown as { readonly name: string };

export async function readsNothing(): Promise<string> {
  await sleep(1);
  return nothing().name;
}

/** The fault is in a handler, while an update is under way. */
export async function tripsInHandler(): Promise<void> {
  setHandler(slow, async () => {
    await sleep('1 hour');
    return 'done';
  });
  setHandler(trip, () => void nothing().name);
  await sleep('1 hour');
}

/** Throws the SDK's DeterminismViolationError, as code does that does not fit its history. */
export async function violatesDeterminism(): Promise<boolean> {
  await sleep(1);
  return new WeakRef({}).deref() === undefined;
}
