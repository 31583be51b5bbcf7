import { WorkflowUpdateFailedError, type Client } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { NativeConnection } from '@temporalio/worker';
import { InProcess, quiet, type InProcessOptions } from './in-process';
import { servers } from './servers';
import { testClient } from './temporal';
import { createTimeSkipping } from './time-skipping';

type Options = Omit<InProcessOptions, 'client' | 'connection'>;

/** Starts a worker for a test file on a Temporal of its own in which waiting takes no time; all of it is stopped after. */
export function withTimeSkipping(
  options: Options,
  use: (started: { readonly time: TestWorkflowEnvironment; readonly world: InProcess }) => void,
): void {
  let stop: () => Promise<void>;
  beforeAll(async () => {
    quiet();
    const time = await createTimeSkipping();
    const world = await InProcess.start({ ...options, client: time.client, connection: time.nativeConnection });
    stop = async () => {
      await world.stop();
      await time.teardown();
    };
    use({ time, world });
  });
  afterAll(() => stop());
}

/** Starts a worker for a test file on the shared dev server; it is stopped after. */
export function withDevServer(
  options: Options,
  use: (started: { readonly client: Client; readonly world: InProcess }) => void,
): void {
  let stop: () => Promise<void>;
  beforeAll(async () => {
    quiet();
    const client = await testClient();
    const connection = await NativeConnection.connect({ address: servers.temporalAddress });
    const world = await InProcess.start({ ...options, client, connection });
    stop = async () => {
      await world.stop();
      await connection.close();
      await client.connection.close();
    };
    use({ client, world });
  });
  afterAll(() => stop());
}

/** What an update was refused with. */
export async function refusalOf(
  answer: Promise<unknown>,
): Promise<{ readonly type?: string; readonly message: string }> {
  const error: unknown = await answer.then(
    () => new Error('it was taken'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof WorkflowUpdateFailedError)) throw error as Error;
  return error.cause as { readonly type?: string; readonly message: string };
}
