import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { connectTemporal, type Temporal } from '../client/temporal/connection';
import { startWorker, type WorkerChild } from '../client/demo/worker-child';
import { startPostgres, type PostgresServer } from '../client/embedded/postgres-server';
import { findTemporalCli } from '../client/embedded/temporal-cli';
import { startTemporalServer, type TemporalServer } from '../client/embedded/temporal-server';
import { quoteIdentifier } from '../database/identifier';
import { makeHome, type Home, type Sizes } from './home';
import { onSession, type Urls } from './load';
import { readProcessorTime, type ProcessorTime } from './processor-time';

export interface WorldOptions {
  readonly sizes: Sizes;
  /** Keeps both databases here; default: a temporary folder that goes at the end. */
  readonly dataDir: string | undefined;
  readonly onStep: (line: string) => void;
}

/** What a person would set on a machine of this kind; the rest is PostgreSQL's default, crash safety included. */
const SETTINGS = { shared_buffers: '1GB', max_wal_size: '8GB', fsync: 'on', full_page_writes: 'on' };
const DATABASE = 'bench';
const LEDGER_SCHEMA = 'trueup';

/** Two PostgreSQL servers, one Temporal dev server and a worker, all real and all gone after {@link World.stop}. */
export class World {
  #worker: WorkerChild | null = null;

  private constructor(
    readonly urls: Urls,
    readonly temporal: Temporal,
    readonly home: Home,
    /** Path of the Temporal CLI. */
    readonly cli: string,
    readonly servers: readonly PostgresServer[],
    readonly temporalServer: TemporalServer,
    readonly keepsData: boolean,
  ) {}

  static async start(options: WorldOptions): Promise<World> {
    const { dataDir, onStep } = options;
    onStep('Starting two PostgreSQL servers and Temporal …');
    const [source, target, temporal] = await Promise.allSettled([
      startSide('source', dataDir),
      startSide('target', dataDir),
      startTemporal(onStep),
    ]);
    const servers = [source, target].flatMap((side) => (side.status === 'fulfilled' ? [side.value] : []));
    const temporalServer = temporal.status === 'fulfilled' ? temporal.value.server : null;
    try {
      if (source.status === 'rejected') throw source.reason;
      if (target.status === 'rejected') throw target.reason;
      if (temporal.status === 'rejected') throw temporal.reason;
      const urls = { source: await databaseOn(source.value), target: await databaseOn(target.value) };
      const { server, cli } = temporal.value;
      const home = makeHome(urls, server.address, options.sizes);
      const client = await connectTemporal(home.env);
      return new World(urls, client, home, cli, servers, server, dataDir !== undefined);
    } catch (error) {
      await endServers(servers, temporalServer, dataDir !== undefined);
      throw error;
    }
  }

  /** A new worker process on an empty ledger, in place of the one before. */
  async restartWorker(): Promise<WorkerChild> {
    await this.#worker?.stop();
    this.#worker = null;
    const schema = quoteIdentifier(LEDGER_SCHEMA);
    await onSession(this.urls.target, (client) => client.query(`drop schema if exists ${schema} cascade`));
    this.#worker = await startWorker({ ...this.home.env });
    return this.#worker;
  }

  /** Processor time that each part has taken so far; the bench itself runs the engine, and asks the servers. */
  processorTime(): ProcessorTime | null {
    const [source, target] = this.servers;
    return readProcessorTime({
      ...(source ? { 'source server': source.pid } : {}),
      ...(target ? { 'target server': target.pid } : {}),
      ...(this.#worker ? { worker: this.#worker.pid } : {}),
      'Temporal server': this.temporalServer.pid,
    });
  }

  async stop(): Promise<void> {
    await this.#worker?.stop();
    await this.temporal.close();
    await endServers(this.servers, this.temporalServer, this.keepsData);
    this.home.remove();
  }
}

async function startTemporal(onStep: (line: string) => void) {
  const cli = await findTemporalCli({ onStep });
  return { cli, server: await startTemporalServer({ cli }) };
}

function startSide(side: string, dataDir: string | undefined): Promise<PostgresServer> {
  if (dataDir === undefined) return startPostgres({ settings: SETTINGS });
  const folder = resolve(dataDir);
  mkdirSync(folder, { recursive: true });
  return startPostgres({ settings: SETTINGS, dataDir: join(folder, side) });
}

async function databaseOn(server: PostgresServer): Promise<string> {
  await onSession(server.url(), async (client) => {
    const { rows } = await client.query('select 1 from pg_database where datname = $1', [DATABASE]);
    if (rows.length === 0) await client.query(`create database ${quoteIdentifier(DATABASE)}`);
  });
  return server.url(DATABASE);
}

async function endServers(servers: readonly PostgresServer[], temporal: TemporalServer | null, keepData: boolean) {
  await Promise.all([temporal?.stop(), ...servers.map((server) => (keepData ? server.stop() : server.remove()))]);
}
