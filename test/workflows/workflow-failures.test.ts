import { join } from 'node:path';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { waitUntil } from '../../client/embedded/wait-until';
import { WORKFLOW_FAILURES } from '../../workers/workflow-failures';
import { quiet } from '../support/in-process';
import { servers } from '../support/servers';
import { testClient } from '../support/temporal';

const taskQueue = 'workflow-failures';
let client: Client;
let connection: NativeConnection;
let worker: Worker;
let running: Promise<void>;

beforeAll(async () => {
  quiet();
  client = await testClient();
  connection = await NativeConnection.connect({ address: servers.temporalAddress });
  worker = await Worker.create({
    connection,
    taskQueue,
    workflowsPath: join(__dirname, 'faulty.ts'),
    workflowFailureErrorTypes: WORKFLOW_FAILURES,
  });
  running = worker.run();
});

afterAll(async () => {
  worker.shutdown();
  await running;
  await connection.close();
  await client.connection.close();
});

const start = (type: string) => client.workflow.start(type, { taskQueue, workflowId: `faulty-${type}` });

async function failedTasks(handle: WorkflowHandle): Promise<number> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).filter((event) => event.workflowTaskFailedEventAttributes).length;
}

describe('a fault in the code of a workflow', () => {
  it('fails the run instead of being tried for ever', async () => {
    const handle = await start('readsNothing');
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'TypeError' } });
    expect(await failedTasks(handle)).toBe(0);
  });

  it('fails it also from a handler, and whoever waits for an update hears of it', async () => {
    const handle = await start('tripsInHandler');
    const update = await handle.startUpdate('slow', { waitForStage: 'ACCEPTED' });
    const answer = update.result().catch((error: unknown) => error);
    await handle.signal('trip');
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'TypeError' } });
    expect(await answer).toMatchObject({ cause: { type: 'AcceptedUpdateCompletedWorkflow' } });
  });

  it('waits for the right code where the history does not fit the code', async () => {
    const handle = await start('violatesDeterminism');
    await waitUntil(async () => (await failedTasks(handle)) > 0, { timeoutMs: 20_000, everyMs: 100 });
    expect(await failedTasks(handle)).toBeGreaterThan(0);
    expect((await handle.describe()).status.name).toBe('RUNNING');
    await handle.terminate();
  });
});
