import type { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { InProcess, quiet } from '../support/in-process';
import { servers } from '../support/servers';
import { testClient } from '../support/temporal';

let client: Client;
let connection: NativeConnection;
let world: InProcess;

beforeAll(async () => {
  quiet();
  client = await testClient();
  connection = await NativeConnection.connect({ address: servers.temporalAddress });
  world = await InProcess.start({ client, connection, taskQueue: 'always' });
  await world.reset();
});

afterAll(async () => {
  await world.stop();
  await connection.close();
  await client.connection.close();
});

it('a run that fails twice names the first cause', async () => {
  const handle = await world.startReconcile({ apply: true }, 'always-1');
  const { digest } = await world.untilGate(handle);
  // Applying fails for want of the first table; noting what became of the findings, and the end, for want of the second.
  await world.target.query('alter table trueup.correction_log rename to gone_corrections');
  await world.target.query('alter table trueup.reconciliation_log rename to gone_findings');
  await handle.signal('approve', { approver: 'ada', planDigest: digest });
  await expect(handle.result()).rejects.toMatchObject({
    cause: { cause: { type: 'TABLE_NOT_FOUND', message: expect.stringContaining('"correction_log"') as string } },
  });
});
