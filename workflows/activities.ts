import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities';

/** Steps that read or write little: they fail fast, and are tried for as long as a database may take to come back. */
export const quick = proxyActivities<Activities>({
  startToCloseTimeout: '10m',
  heartbeatTimeout: '15s',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '15s', maximumAttempts: 40 },
});

/** Steps whose length grows with the data. A worker that dies is noticed by its heartbeat, not by this time-out. */
export const long = proxyActivities<Activities>({
  startToCloseTimeout: '24h',
  heartbeatTimeout: '15s',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '15s', maximumAttempts: 40 },
});

/** The first step of a run: whatever is wrong then is said at once. */
export const opening = proxyActivities<Activities>({
  startToCloseTimeout: '5m',
  heartbeatTimeout: '15s',
  retry: { initialInterval: '500ms', maximumAttempts: 10 },
});

/** What goes to a server that is not ours: some minutes, then it is given up. */
export const alerting = proxyActivities<Activities>({
  startToCloseTimeout: '30s',
  retry: { initialInterval: '1s', backoffCoefficient: 3, maximumInterval: '1m', maximumAttempts: 6 },
});
