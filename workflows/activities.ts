import { proxyActivities, type ActivityInterfaceFor } from '@temporalio/workflow';
import type { Activities } from '../activities';
import type { LedgerIdentity } from '../contracts/server';

/** The ledger that the steps of this execution are held to; none before its run is opened. */
let ledger: LedgerIdentity | undefined;

/** From now on each step goes to the ledger in which the run was entered; absent, as in earlier versions: to any. */
export function holdToLedger(found: LedgerIdentity | undefined): void {
  ledger = found;
}

/** Tells each step, beside its own input, which ledger it is held to. */
function held(activities: ActivityInterfaceFor<Activities>): ActivityInterfaceFor<Activities> {
  const withLedger = (args: readonly unknown[]) =>
    ledger === undefined ? args : args.map((arg, i) => (i === 0 ? { ...(arg as object), ledger } : arg));
  return new Proxy(activities, {
    get(all, name) {
      type Step = ((...args: unknown[]) => unknown) & {
        executeWithOptions(options: unknown, args: unknown[]): unknown;
      };
      const step = Reflect.get(all, name) as Step;
      const call = (...args: unknown[]) => step(...withLedger(args));
      const executeWithOptions = (options: unknown, args: unknown[]) =>
        step.executeWithOptions(options, [...withLedger(args)]);
      return Object.assign(call, { executeWithOptions });
    },
  });
}

/** Steps that read or write little: they fail fast, and are tried for as long as a database may take to come back. */
export const quick = held(
  proxyActivities<Activities>({
    startToCloseTimeout: '10m',
    heartbeatTimeout: '15s',
    retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '15s', maximumAttempts: 40 },
  }),
);

/** Steps whose length grows with the data. A worker that dies is noticed by its heartbeat, not by this time-out. */
export const long = held(
  proxyActivities<Activities>({
    startToCloseTimeout: '24h',
    heartbeatTimeout: '15s',
    retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '15s', maximumAttempts: 40 },
  }),
);

/** The first step of a run: whatever is wrong then is said at once. */
export const opening = held(
  proxyActivities<Activities>({
    startToCloseTimeout: '5m',
    heartbeatTimeout: '15s',
    retry: { initialInterval: '500ms', maximumAttempts: 10 },
  }),
);

/** What goes to a server that is not ours: some minutes, then it is given up. */
export const alerting = proxyActivities<Activities>({
  startToCloseTimeout: '30s',
  retry: { initialInterval: '1s', backoffCoefficient: 3, maximumInterval: '1m', maximumAttempts: 6 },
});
