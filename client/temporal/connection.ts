import { Client, Connection, type ConnectionOptions } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { TrueupError } from '../../contracts/errors';
import { messageOf, temporalFailure } from './failure';

export type Environment = Readonly<Record<string, string | undefined>>;

/** An open connection to Temporal and what it was made from. */
export interface Temporal {
  readonly client: Client;
  readonly connection: Connection;
  readonly address: string;
  readonly namespace: string;
  close(): Promise<void>;
}

export interface TemporalTarget {
  readonly address: string;
  readonly namespace: string;
  readonly options: ConnectionOptions;
}

const DEFAULT_ADDRESS = 'localhost:7233';
const CONNECT_TIMEOUT_MS = 5_000;

/** Where Temporal is, as every Temporal tool finds it: environment, then profile file. Throws CONFIG_INVALID. */
export function temporalTarget(env: Environment): TemporalTarget {
  const variables = Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  try {
    const { connectionOptions, namespace } = loadClientConnectConfig({ overrideEnvVars: variables });
    const { address = DEFAULT_ADDRESS, tls, apiKey, metadata } = connectionOptions;
    return {
      address,
      namespace: namespace ?? 'default',
      options: {
        address,
        connectTimeout: CONNECT_TIMEOUT_MS,
        ...(tls === undefined ? {} : { tls }),
        ...(apiKey === undefined ? {} : { apiKey }),
        ...(metadata === undefined ? {} : { metadata }),
      },
    };
  } catch (error) {
    throw new TrueupError('CONFIG_INVALID', `the Temporal profile or environment: ${messageOf(error)}`);
  }
}

/** Connects within 5 s. Throws TEMPORAL_UNREACHABLE or CONFIG_INVALID. */
export async function connectTemporal(env: Environment): Promise<Temporal> {
  const { address, namespace, options } = temporalTarget(env);
  let connection: Connection;
  try {
    connection = await Connection.connect(options);
  } catch (error) {
    throw temporalFailure(error, `no Temporal server answers at ${address}`);
  }
  const client = new Client({ connection, namespace });
  return { client, connection, address, namespace, close: () => connection.close() };
}
