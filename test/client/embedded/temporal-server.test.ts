import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { startTemporalServer } from '../../../client/embedded/temporal-server';
import { waitUntil } from '../../../client/embedded/wait-until';
import { SEARCH_ATTRIBUTE } from '../../../contracts/names';
import { waitUntilGone } from '../../support/process';
import { servers } from '../../support/servers';

async function withClient<T>(address: string, use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await use(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

describe('an embedded Temporal server', () => {
  it('keeps workflows over a stop and over a crash, on the same ports', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'trueup-test-'));
    const dbFile = join(folder, 'temporal.db');
    const exits: string[] = [];
    const onExit = (how: string) => void exits.push(how);
    const first = await startTemporalServer({ cli: servers.temporalCli, dbFile, onExit });
    const { port, uiPort } = first;
    let second;
    let third;
    try {
      await withClient(first.address, (client) =>
        client.workflow.start('anything', { taskQueue: 'nobody', workflowId: 'kept', args: [{}] }),
      );
      await first.stop();
      expect(await waitUntilGone([first.pid])).toEqual([]);
      expect(exits).toEqual([]);

      second = await startTemporalServer({ cli: servers.temporalCli, dbFile, port, uiPort, onExit });
      expect(second.address).toBe(first.address);
      const history = await withClient(second.address, (client) => client.workflow.getHandle('kept').fetchHistory());
      expect(history.events?.length).toBeGreaterThanOrEqual(2);
      await second.kill();

      third = await startTemporalServer({ cli: servers.temporalCli, dbFile, port, uiPort, onExit });
      const found = await withClient(third.address, (client) => client.workflow.getHandle('kept').describe());
      expect(found.status.name).toBe('RUNNING');
      expect((await fetch(third.uiUrl)).ok).toBe(true);
      process.kill(third.pid, 'SIGKILL');
      await waitUntil(() => exits.length > 0, { timeoutMs: 10_000 });
      expect(exits).toEqual(['signal SIGKILL']);
    } finally {
      await first.stop();
      await second?.stop();
      await third?.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('knows our search attributes', async () => {
    await withClient(servers.temporalAddress, async ({ connection }) => {
      const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
      expect(Object.keys(customAttributes)).toEqual(
        expect.arrayContaining(Object.values(SEARCH_ATTRIBUTE).map(({ name }) => name)),
      );
    });
  });

  it('says what its log said when it cannot start', async () => {
    const attempt = startTemporalServer({ cli: servers.temporalCli, dbFile: '/nowhere/at/all.db' });
    await expect(attempt).rejects.toMatchObject({ code: 'TEMPORAL_UNREACHABLE' });
  });
});
