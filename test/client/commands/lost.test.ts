import { dirname } from 'node:path';
import type { RunReport } from '../../../contracts/run';
import { insertRun } from '../../../ledger/run';
import { OneTable } from '../../support/one-table';
import { runTrueup } from '../../support/process';
import { servers } from '../../support/servers';
import { testClient } from '../../support/temporal';

jest.setTimeout(120_000);

describe('trueup status of runs that are open in the ledger', () => {
  let one: OneTable;
  beforeAll(async () => {
    one = await OneTable.create('lost');
  });
  afterAll(() => one.drop());

  const status = async (...args: readonly string[]) => {
    const env = { TRUEUP_CONFIG: one.configPath, TEMPORAL_ADDRESS: servers.temporalAddress };
    const { code, stdout } = await runTrueup(['status', ...args, '--json'], { env, cwd: dirname(one.configPath) });
    return { code, said: JSON.parse(stdout) as Pick<RunReport, 'runId' | 'status'> };
  };

  test('says that one has failed whose workflow was terminated, and is not misled by another of that ID', async () => {
    const client = await testClient();
    try {
      const workflowId = `lost-${Date.now()}`;
      const start = () => client.workflow.start('reconcile', { taskQueue: 'nobody-polls-this', workflowId });
      const ledger = await one.resources.ledger();
      const enter = (firstExecutionRunId: string) =>
        insertRun(ledger, {
          kind: 'reconcile',
          workflowId,
          firstExecutionRunId,
          apply: true,
          requestedBy: null,
          undoOf: null,
          config: { tables: [], concurrency: 1, approvalTimeoutMs: 1_000, ledgerSchema: 'trueup' },
        });
      const first = await start();
      const runId = await enter(first.firstExecutionRunId);
      expect((await status()).said).toMatchObject([{ runId, status: 'running' }]);
      await first.terminate();
      expect((await status()).said).toMatchObject([{ runId, status: 'failed' }]);
      const second = await start();
      const newer = await enter(second.firstExecutionRunId);
      expect((await status()).said).toMatchObject([
        { runId: newer, status: 'running' },
        { runId, status: 'failed' },
      ]);
      expect((await status(newer)).code).toBe(0);
      await second.terminate();
      expect(await status(newer)).toMatchObject({ code: 4, said: { runId: newer, status: 'failed' } });
    } finally {
      await client.connection.close();
    }
  });
});
