import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { quoteIdentifier } from '../../database/identifier';
import { servers } from './servers';

/** Values as PostgreSQL's text form or null, like everywhere in Trueup. */
export type TextRow = Record<string, string | null>;

export interface TestDatabase {
  readonly url: string;
  readonly name: string;
  /** Runs one statement, or several without values. */
  query(sql: string, values?: readonly unknown[]): Promise<TextRow[]>;
  /** Ends every session on the database and drops it. */
  drop(): Promise<void>;
}

const AS_TEXT = { getTypeParser: () => (value: string) => value } as never;

/** A new, empty database on the shared server, or on the one of the URL; its name ends in something unique. */
export async function createTestDatabase(
  name = 'test',
  options = '',
  server = servers.postgresUrl,
): Promise<TestDatabase> {
  const unique = `${name.toLowerCase().replaceAll(/\W+/g, '_').slice(0, 40)}_${randomBytes(5).toString('hex')}`;
  await onServer(server, (client) =>
    client.query(`create database ${quoteIdentifier(unique)} template template0 ${options}`),
  );
  const target = new URL(server);
  target.pathname = `/${unique}`;
  return attach(target.href, unique, server);
}

/** Two new databases that play the source and the target of a reconciliation, on the shared server or on that of the URL. */
export async function createDatabasePair(
  name = 'test',
  server = servers.postgresUrl,
): Promise<{
  readonly source: TestDatabase;
  readonly target: TestDatabase;
  drop(): Promise<void>;
}> {
  // One after the other: both copy the same template database, which only one may do at a time.
  const source = await createTestDatabase(`${name}_source`, '', server);
  const target = await createTestDatabase(`${name}_target`, '', server);
  return { source, target, drop: async () => void (await Promise.all([source.drop(), target.drop()])) };
}

function attach(url: string, name: string, server: string): TestDatabase {
  let client: Promise<Client> | undefined;
  const connected = () => (client ??= connect(url));
  return {
    url,
    name,
    query: async (sql, values = []) => {
      const result = await (
        await connected()
      ).query<TextRow>(values.length === 0 ? sql : { text: sql, values: [...values] });
      return (Array.isArray(result) ? (result.at(-1) as typeof result) : result).rows;
    },
    drop: async () => {
      const open = client;
      client = undefined;
      if (open !== undefined) await (await open).end();
      await onServer(server, (admin) => admin.query(`drop database if exists ${quoteIdentifier(name)} with (force)`));
    },
  };
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url, types: AS_TEXT });
  // A test may end this session on purpose; the next statement then fails with the reason.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function onServer(url: string, use: (client: Client) => Promise<unknown>): Promise<void> {
  const client = await connect(url);
  try {
    await use(client);
  } finally {
    await client.end();
  }
}
