import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startPostgres, type PostgresServer } from './postgres-server';
import { findTemporalCli } from './temporal-cli';
import { startTemporalServer, type TemporalServer } from './temporal-server';

export interface StackOptions {
  /** Told of every step, one line each. */
  readonly onStep?: (line: string) => void;
  /** Keeps the databases and the workflows here for the next start; default: nothing is kept. */
  readonly folder?: string;
  /** Keeps Temporal's workflows in this file; default: in `folder`, or not at all. */
  readonly dbFile?: string;
  /** Called when the Temporal server ends without having been asked to. */
  readonly onTemporalExit?: (how: string) => void;
}

/** A Temporal dev server and a PostgreSQL of our own. */
export interface EmbeddedStack {
  readonly temporal: TemporalServer;
  readonly postgres: PostgresServer;
  /** Path of the Temporal CLI that was found or installed. */
  readonly cli: string;
  /** Stops both; deletes what is temporary. */
  stop(): Promise<void>;
}

/** Starts both servers at once. When one fails the other is stopped, and the failure is thrown. */
export async function startStack(options: StackOptions = {}): Promise<EmbeddedStack> {
  const onStep = options.onStep ?? (() => undefined);
  const { folder } = options;
  if (folder !== undefined) mkdirSync(folder, { recursive: true });
  const dbFile = options.dbFile ?? (folder === undefined ? undefined : join(folder, 'temporal.db'));

  const startTemporal = async () => {
    const cli = await findTemporalCli({ onStep });
    onStep('Starting Temporal …');
    const server = await startTemporalServer({
      cli,
      ...(dbFile === undefined ? {} : { dbFile }),
      ...(options.onTemporalExit === undefined ? {} : { onExit: options.onTemporalExit }),
    });
    return { cli, server };
  };
  onStep('Starting PostgreSQL …');
  const [temporal, postgres] = await Promise.allSettled([
    startTemporal(),
    startPostgres(folder === undefined ? {} : { dataDir: join(folder, 'postgres') }),
  ]);
  const stop = async () => {
    const database = postgres.status === 'fulfilled' ? postgres.value : undefined;
    await Promise.all([
      temporal.status === 'fulfilled' ? temporal.value.server.stop() : undefined,
      folder === undefined ? database?.remove() : database?.stop(),
    ]);
  };
  if (temporal.status === 'fulfilled' && postgres.status === 'fulfilled') {
    return { temporal: temporal.value.server, postgres: postgres.value, cli: temporal.value.cli, stop };
  }
  await stop();
  throw temporal.status === 'rejected' ? temporal.reason : (postgres as PromiseRejectedResult).reason;
}
