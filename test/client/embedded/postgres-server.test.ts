import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { childrenOf } from '../../../client/embedded/children-of';
import { startPostgres, type PostgresServer } from '../../../client/embedded/postgres-server';
import { waitUntil } from '../../../client/embedded/wait-until';
import { spawnNode, waitUntilGone } from '../../support/process';

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('an embedded PostgreSQL', () => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await startPostgres({ settings: { wal_level: 'logical' } });
  });

  afterAll(async () => {
    await server.remove();
    expect(existsSync(server.dataDir)).toBe(false);
  });

  it('serves, with the settings that were asked for', async () => {
    expect(await query(server.url(), 'show wal_level')).toEqual([{ wal_level: 'logical' }]);
    expect(await query(server.url(), 'show server_version_num')).toEqual([
      { server_version_num: expect.stringMatching(/^18/) as unknown },
    ]);
  });

  it('lets nobody in without the password', async () => {
    const url = new URL(server.url());
    url.password = 'wrong';
    await expect(query(url.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  });

  it('keeps its data and its address over a stop and over a crash', async () => {
    await query(server.url(), 'create table kept (id int); insert into kept values (1)');
    const url = server.url();
    await server.restart();
    expect(server.url()).toBe(url);
    expect(await query(url, 'select id from kept')).toEqual([{ id: 1 }]);

    await query(url, 'insert into kept values (2)');
    const pids = [server.pid, ...childrenOf(server.pid)];
    await server.kill9();
    expect(await waitUntilGone(pids)).toEqual([]);
    await expect(query(url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await server.restart();
    expect(await query(url, 'select id from kept order by id')).toEqual([{ id: 1 }, { id: 2 }]);
  });
});

describe('a data folder', () => {
  it('can be started again by somebody who does not know the password, and names what is wrong when in use', async () => {
    const parent = mkdtempSync(join(tmpdir(), 'trueup-test-'));
    chmodSync(parent, 0o755);
    const dataDir = join(parent, 'data');
    const first = await startPostgres({ dataDir });
    try {
      await expect(startPostgres({ dataDir })).rejects.toMatchObject({
        code: 'EMBEDDED_POSTGRES_FAILED',
        message: expect.stringContaining('postmaster.pid') as unknown,
      });
      await query(first.url(), 'create database other');
      await first.stop();
      const second = await startPostgres({ dataDir });
      expect(await query(second.url('other'), 'select 1 as one')).toEqual([{ one: 1 }]);
      await second.remove();
    } finally {
      await first.stop();
      rmSync(parent, { recursive: true, force: true });
    }
  });
});

describe('an older version', () => {
  it('starts from the package that names it', async () => {
    const server = await startPostgres({ version: 'pg14' });
    try {
      expect(await query(server.url(), 'show server_version_num')).toEqual([
        { server_version_num: expect.stringMatching(/^14/) as unknown },
      ]);
    } finally {
      await server.remove();
    }
  });
});

describe('when the process that started it', () => {
  it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('dies of %s, no server and no folder is left', async (signal) => {
    const child = spawnNode('test/support/run-ts.js', { args: ['test/support/servers-holder.ts'] });
    const line = await child.waitForLine(/^held /);
    const { pids, folder } = JSON.parse(line.slice('held '.length)) as { pids: number[]; folder: string };
    child.signal(signal);
    await child.exited;
    expect(await waitUntilGone(pids)).toEqual([]);
    expect(await waitUntil(() => !existsSync(folder), { timeoutMs: 10_000 })).toBe(true);
  });
});
