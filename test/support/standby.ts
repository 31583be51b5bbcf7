import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import { PostgresServer } from '../../client/embedded/postgres-server';
import { waitUntil } from '../../client/embedded/wait-until';

/** A real primary and a standby that streams from it. */
export class StandbyPair {
  private constructor(
    readonly primary: PostgresServer,
    private current: PostgresServer,
    private readonly dataDir: string,
  ) {}

  get standby(): PostgresServer {
    return this.current;
  }

  static async start(settings: Readonly<Record<string, string>> = {}): Promise<StandbyPair> {
    const primary = await PostgresServer.start({ settings: { wal_level: 'replica' } });
    await primary.stop();
    const home = mkdtempSync(join(dirname(dirname(primary.dataDir)), 'trueup-standby-'));
    const { uid, gid } = statSync(primary.dataDir);
    chownSync(home, uid, gid);
    const dataDir = join(home, 'data');
    execFileSync('cp', ['-a', primary.dataDir, dataDir]);
    writeFileSync(join(dataDir, 'standby.signal'), '');
    await primary.restart();
    const pair = new StandbyPair(primary, await launch(primary, dataDir, settings), dataDir);
    return pair;
  }

  /** Starts the standby anew, with other settings. */
  async restart(settings: Readonly<Record<string, string>>): Promise<void> {
    await this.current.stop();
    this.current = await launch(this.primary, this.dataDir, settings, this.current.port);
  }

  onPrimary(sql: string, database = 'postgres') {
    return query(this.primary.url(database), sql);
  }

  onStandby(sql: string, database = 'postgres') {
    return query(this.current.url(database), sql);
  }

  /** Waits until the standby has received (or replayed) all that the primary has written. */
  async caughtUp(how: 'receive' | 'replay' = 'replay'): Promise<void> {
    const [at] = await this.onPrimary('select pg_current_wal_flush_lsn()::text as lsn');
    const isSo = async () => {
      const [row] = await this.onStandby(`select pg_last_wal_${how}_lsn() >= '${String(at?.['lsn'])}'::pg_lsn as so`);
      return row?.['so'] === true;
    };
    if (!(await waitUntil(isSo, { timeoutMs: 60_000, everyMs: 50 }))) throw new Error(`the standby does not ${how}`);
  }

  async remove(): Promise<void> {
    await this.current.stop();
    await this.primary.remove();
    rmSync(dirname(this.dataDir), { recursive: true, force: true });
  }
}

function launch(primary: PostgresServer, dataDir: string, settings: Readonly<Record<string, string>>, port?: number) {
  const url = new URL(primary.url());
  const conninfo = `host=127.0.0.1 port=${primary.port} user=postgres password=${decodeURIComponent(url.password)}`;
  return PostgresServer.start({
    dataDir,
    ...(port === undefined ? {} : { port }),
    settings: { primary_conninfo: conninfo, wal_receiver_status_interval: '1s', ...settings },
  });
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const result = await client.query<Record<string, unknown>>(sql);
    return (Array.isArray(result) ? (result.at(-1) as typeof result) : result).rows;
  } finally {
    await client.end();
  }
}
