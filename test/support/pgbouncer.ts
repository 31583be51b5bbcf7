import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { freePort } from '../../client/embedded/free-port';
import { GuardedChild } from '../../client/embedded/guarded-child';
import { waitUntil } from '../../client/embedded/wait-until';
import { findDebianTool, type DebianTool } from './debian-package';

interface Bouncer {
  readonly path: string;
  readonly env: NodeJS.ProcessEnv;
}

const PGBOUNCER: DebianTool<Bouncer> = {
  title: 'PgBouncer',
  programs: 'pgbouncer',
  packages: ['pgbouncer', 'libc-ares2', 'libevent-2.1-7'],
  at: (folder) => {
    if (folder === null) return { path: 'pgbouncer', env: process.env };
    const libraries = join(folder, 'usr', 'lib');
    // Debian names the folder after the machine.
    const folders = existsSync(libraries) ? readdirSync(libraries).map((name) => join(libraries, name)) : [];
    return {
      path: join(folder, 'usr', 'sbin', 'pgbouncer'),
      env: { ...process.env, LD_LIBRARY_PATH: folders.join(':') },
    };
  },
  runs: ({ path, env }) => spawnSync(path, ['--version'], { env }).status === 0,
};

/** A real PgBouncer of the test's own, in front of a server. Its clients need no password. */
export class PgBouncer {
  private constructor(
    private readonly port: number,
    private readonly child: GuardedChild,
    private readonly folder: string,
  ) {}

  static async start(
    serverUrl: string,
    mode: 'session' | 'transaction' | 'statement',
    settings: Readonly<Record<string, string | number>> = {},
  ): Promise<PgBouncer> {
    const { path, env } = await findDebianTool(PGBOUNCER);
    const folder = mkdtempSync(join(tmpdir(), 'trueup-pgbouncer-'));
    const server = new URL(serverUrl);
    const port = await freePort();
    const all = {
      listen_addr: '127.0.0.1',
      listen_port: port,
      unix_socket_dir: '',
      auth_type: 'any',
      pool_mode: mode,
      default_pool_size: 5,
      max_client_conn: 1_000,
      ...settings,
    };
    const user = decodeURIComponent(server.username);
    const password = decodeURIComponent(server.password);
    writeFileSync(
      join(folder, 'pgbouncer.ini'),
      `[databases]
* = host=${server.hostname} port=${server.port} user='${user}' password='${password}'
[pgbouncer]
${Object.entries(all)
  .map(([name, value]) => `${name} = ${value}`)
  .join('\n')}
`,
      { mode: 0o600 },
    );
    // It refuses to run as root; started by root it becomes another user once it has read its settings.
    const asUser = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
    const child = await GuardedChild.start({
      command: path,
      args: [...asUser, join(folder, 'pgbouncer.ini')],
      env,
      cwd: folder,
      deathSignal: 'SIGTERM',
      temporaryFolder: folder,
    });
    const bouncer = new PgBouncer(port, child, folder);
    const answers = async () => child.hasExited || (await bouncer.#answers(serverUrl));
    if ((await waitUntil(answers, { timeoutMs: 20_000, everyMs: 25 })) && !child.hasExited) return bouncer;
    await bouncer.stop();
    throw new Error(`PgBouncer does not answer:\n${child.outputEnd()}`);
  }

  /** The URL of a database of the server, through the pooler. */
  url(database: string): string {
    const url = new URL(database);
    url.hostname = '127.0.0.1';
    url.port = String(this.port);
    return url.href;
  }

  async stop(): Promise<void> {
    await this.child.stop('SIGTERM', 5_000);
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #answers(serverUrl: string): Promise<boolean> {
    const client = new Client({ connectionString: this.url(serverUrl), connectionTimeoutMillis: 2_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('select 1');
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
