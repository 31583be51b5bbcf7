import { dirname } from 'node:path';
import type { Client } from '@temporalio/client';
import { OneTable } from '../../support/one-table';
import { runTrueup } from '../../support/process';
import { servers } from '../../support/servers';
import { testClient } from '../../support/temporal';

jest.setTimeout(180_000);

describe('a run that no worker works at', () => {
  let one: OneTable;
  let client: Client;
  const workflowId = `no-worker-${Date.now()}`;
  beforeAll(async () => {
    one = await OneTable.create('no_worker');
    await one.resources.ledger();
    client = await testClient();
    await client.workflow.start('reconcile', { taskQueue: 'nobody-polls-this', workflowId });
  });
  afterAll(async () => {
    await client.workflow.getHandle(workflowId).terminate();
    await client.connection.close();
    await one.drop();
  });

  const trueup = (...args: readonly string[]) => {
    const env = { TRUEUP_CONFIG: one.configPath, TEMPORAL_ADDRESS: servers.temporalAddress };
    return runTrueup(args, { env, cwd: dirname(one.configPath) });
  };

  const unconfirmed = {
    code: 4,
    stdout: '',
    stderr: expect.stringContaining(
      `trueup: no worker answered in time, so the decision is not confirmed.\n  See \`trueup status ${workflowId}\` when a worker runs`,
    ) as string,
  };

  it('is not taken for approved, nor for rejected: the decision is not confirmed, and the command fails', async () => {
    const [approved, asJson, rejected] = await Promise.all([
      trueup('approve', workflowId, '--plan', 'abc', '--approver', 'ada'),
      trueup('approve', workflowId, '--plan', 'abc', '--approver', 'ada', '--json'),
      trueup('reject', workflowId, '--plan', 'abc', '--approver', 'ada', '--reason', 'not yet'),
    ]);
    expect(approved).toMatchObject(unconfirmed);
    expect(asJson).toMatchObject(unconfirmed);
    expect(rejected).toMatchObject(unconfirmed);
  });
});
