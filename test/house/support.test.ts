import { createDatabasePair } from '../support/database';
import { spawnTrueup } from '../support/process';
import { servers } from '../support/servers';
import { temporalCli, testClient } from '../support/temporal';
import { createTimeSkipping } from '../support/time-skipping';

describe('what tests stand on', () => {
  it('databases of their own', async () => {
    const { source, target, drop } = await createDatabasePair('House of tests');
    expect(source.name).not.toBe(target.name);
    await source.query('create table t (id int8 primary key, at timestamptz); insert into t values (9007199254740993)');
    expect(await source.query('select id, at from t where id = $1', ['9007199254740993'])).toEqual([
      { id: '9007199254740993', at: null },
    ]);
    await expect(target.query('select * from t')).rejects.toMatchObject({ code: '42P01' });
    await drop();
    await expect(source.query('select 1')).rejects.toMatchObject({ code: '3D000' });
  });

  it('a Temporal that a client, the real CLI and a browser can reach', async () => {
    const client = await testClient();
    await client.connection.close();
    const { code, stdout } = await temporalCli(['operator', 'search-attribute', 'list']);
    expect(code).toBe(0);
    expect(stdout).toContain('TrueupNeedsApproval');
    expect((await fetch(servers.temporalUi)).ok).toBe(true);
    expect((await temporalCli(['workflow', 'describe', '-w', 'no-such-workflow'])).code).toBe(1);
  });

  it('a Temporal in which time flies', async () => {
    const environment = await createTimeSkipping();
    try {
      const start = await environment.currentTimeMs();
      await environment.sleep('3 days');
      expect((await environment.currentTimeMs()) - start).toBeGreaterThanOrEqual(3 * 86_400_000);
    } finally {
      await environment.teardown();
    }
  });

  it('the command line as a process', async () => {
    const help = spawnTrueup(['--help']);
    await help.waitForLine(/Usage: trueup/);
    expect(await help.exited).toMatchObject({ code: 0, stderr: expect.not.stringContaining('rror') as unknown });
  });
});
