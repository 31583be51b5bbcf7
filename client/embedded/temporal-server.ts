import { Connection } from '@temporalio/client';
import { TrueupError } from '../../contracts/errors';
import { SEARCH_ATTRIBUTE } from '../../contracts/names';
import { freePort } from './free-port';
import { GuardedChild } from './guarded-child';
import { waitUntil } from './wait-until';

export interface TemporalServerOptions {
  /** Path of the Temporal CLI, from `findTemporalCli`. */
  readonly cli: string;
  /** Keeps workflows in this file; without it they end with the server. */
  readonly dbFile?: string;
  /** Port of the gRPC frontend; default: a free one. */
  readonly port?: number;
  /** Port of Temporal Web; default: a free one. */
  readonly uiPort?: number;
  /** Called when the server ends without having been asked to. */
  readonly onExit?: (how: string) => void;
}

export interface TemporalServer {
  /** `127.0.0.1:port` of the gRPC frontend. */
  readonly address: string;
  readonly port: number;
  readonly uiUrl: string;
  readonly uiPort: number;
  readonly pid: number;
  /** Asks the server to end, makes it after 5 s, and returns when it is gone. */
  stop(): Promise<void>;
  /** Ends the server with SIGKILL, as a crash would. */
  kill(): Promise<void>;
}

const READY_LIMIT_MS = 60_000;
const STOP_GRACE_MS = 5_000;
const CLI_TYPE = { KEYWORD: 'Keyword', BOOL: 'Bool' } as const;

/** Starts a Temporal dev server with Temporal Web on 127.0.0.1 and returns when its default namespace serves. */
export async function startTemporalServer(options: TemporalServerOptions): Promise<TemporalServer> {
  try {
    return await startOnce(options);
  } catch (error) {
    // Between asking for a free port and binding it, another process may have taken it.
    const couldBeOurPort = options.port === undefined || options.uiPort === undefined;
    if (couldBeOurPort && error instanceof Error && /address already in use|port/i.test(error.message)) {
      return await startOnce(options);
    }
    throw error;
  }
}

async function startOnce(options: TemporalServerOptions): Promise<TemporalServer> {
  const port = options.port ?? (await freePort());
  const uiPort = options.uiPort ?? (await freePort());
  const child = await GuardedChild.start({
    command: options.cli,
    args: serverArgs(port, uiPort, options.dbFile),
    deathSignal: 'SIGTERM',
  });
  const address = `127.0.0.1:${port}`;
  const isReady = await waitUntil(async () => child.hasExited || (await isServing(address)), {
    timeoutMs: READY_LIMIT_MS,
  });
  if (!isReady || child.hasExited) {
    await child.stop('SIGTERM', STOP_GRACE_MS);
    const how = isReady ? `ended with ${await child.exited}` : `did not serve within ${READY_LIMIT_MS / 1000} s`;
    throw new TrueupError('TEMPORAL_UNREACHABLE', `the embedded Temporal server ${how}:\n${child.outputEnd()}`, {
      retryable: false,
    });
  }
  let isWanted = true;
  void child.exited.then((how) => (isWanted ? options.onExit?.(how) : undefined));
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    isWanted = false;
    await child.stop(signal, STOP_GRACE_MS);
  };
  return {
    address,
    port,
    uiUrl: `http://127.0.0.1:${uiPort}`,
    uiPort,
    pid: child.pid,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

function serverArgs(port: number, uiPort: number, dbFile: string | undefined): string[] {
  const attributes = Object.values(SEARCH_ATTRIBUTE).flatMap(({ name, type }) => [
    '--search-attribute',
    `${name}=${CLI_TYPE[type]}`,
  ]);
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--ui-port', String(uiPort)],
    ...(dbFile === undefined ? [] : ['--db-filename', dbFile]),
    ...['--log-level', 'error'],
    ...attributes,
  ];
}

/** The frontend answers, the default namespace is there, and our search attributes can be used. */
async function isServing(address: string): Promise<boolean> {
  const connection = await Connection.connect({ address, connectTimeout: 2_000 });
  try {
    await connection.workflowService.describeNamespace({ namespace: 'default' });
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
    return Object.values(SEARCH_ATTRIBUTE).every(({ name }) => name in customAttributes);
  } finally {
    await connection.close();
  }
}
