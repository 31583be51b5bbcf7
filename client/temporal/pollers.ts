import { TASK_QUEUE } from '../../contracts/names';
import type { Temporal } from './connection';

const WORKFLOW_TASK_QUEUE = 1;

/** A worker's poll lasts at most 60 s: one that last polled longer ago is gone. */
const ALIVE_MS = 70_000;

/** Identities of the workers that poll our task queue. */
export async function workersPolling(temporal: Temporal, now = Date.now()): Promise<readonly string[]> {
  const { connection, namespace } = temporal;
  const answer = await connection.withDeadline(Date.now() + 5_000, () =>
    connection.workflowService.describeTaskQueue({
      namespace,
      taskQueue: { name: TASK_QUEUE },
      taskQueueType: WORKFLOW_TASK_QUEUE,
    }),
  );
  return (answer.pollers ?? [])
    .filter((poller) => now - Number(poller.lastAccessTime?.seconds ?? 0) * 1_000 < ALIVE_MS)
    .map((poller) => poller.identity ?? '');
}
