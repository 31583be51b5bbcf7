import { Client, Pool, type ClientBase, type PoolClient, type PoolConfig } from 'pg';
import { mapDriverError } from './failure';
import { quoteIdentifier } from './identifier';

/** What a statement can be sent to: a pool or one client of it. All values come back as PostgreSQL's text form. */
export interface Queryable {
  query<Row extends object>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{
    readonly rows: Row[];
    readonly rowCount: number | null;
    /** The columns that it gives, with the OIDs of their types; none of a statement that gives no rows. */
    readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
  }>;
}

export interface DatabaseOptions {
  /** The name of the connection in the config; used in messages, never the URL. */
  readonly name: string;
  readonly url: string;
  /** Connections held at the most. */
  readonly maxConnections?: number;
  /** Every transaction of the session is read-only: set for whatever is only a source. */
  readonly readOnly?: boolean;
  /** The server cancels a statement after this many milliseconds; 0: never. */
  readonly statementTimeoutMs?: number;
  /** The schema where unqualified names are looked up, for the ledger's own statements; default: none but pg_catalog. */
  readonly searchPath?: string;
}

/**
 * Settings that change the text form of a value or the meaning of a name, pinned on every session so that the same
 * value reads the same from any server. An empty search_path makes every name in our SQL schema-qualified.
 */
export const PINNED_SETTINGS: Readonly<Record<string, string>> = {
  timezone: 'UTC',
  datestyle: 'ISO, YMD',
  intervalstyle: 'postgres',
  extra_float_digits: '3',
  bytea_output: 'hex',
  lc_monetary: 'C',
  xmloption: 'content',
  search_path: 'pg_catalog',
  client_encoding: 'UTF8',
  standard_conforming_strings: 'on',
  // Whoever waits for a lock has to see what was committed meanwhile; where one snapshot is needed, `begin` says so.
  default_transaction_isolation: 'read committed',
  // A session that an earlier crash left inside a transaction must not hold locks for ever.
  idle_in_transaction_session_timeout: '300s',
  jit: 'off',
};

/** Everything arrives as text; numbers past 2^53, dates and JSON would lose something in JavaScript's types. */
const TEXT_ONLY = { getTypeParser: () => (value: string) => value } as unknown as NonNullable<PoolConfig['types']>;

/** A pool of pinned sessions on one database. */
export class Database implements Queryable {
  readonly name: string;
  readonly #pool: Pool;
  readonly #config: { readonly connectionString: string; readonly application_name: string };

  constructor(options: DatabaseOptions) {
    this.name = options.name;
    const settings = new Map(Object.entries(PINNED_SETTINGS));
    settings.set('statement_timeout', String(options.statementTimeoutMs ?? 0));
    if (options.searchPath !== undefined) settings.set('search_path', quoteIdentifier(options.searchPath));
    if (options.readOnly) settings.set('default_transaction_read_only', 'on');
    const pin =
      'select ' + [...settings.keys()].map((_, i) => `set_config($${2 * i + 1}, $${2 * i + 2}, false)`).join();
    this.#config = { connectionString: options.url, application_name: 'trueup' };
    this.#pool = new Pool({
      ...this.#config,
      max: options.maxConnections ?? 4,
      connectionTimeoutMillis: 15_000,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
      types: TEXT_ONLY,
      // Awaited before a session is lent for the first time, so no statement runs on unpinned settings.
      // (Its type says that nothing is returned; the pool waits for a promise all the same.)
      onConnect: ((client: ClientBase) => client.query(pin, [...settings].flat())) as (client: ClientBase) => void,
    });
    // An idle connection that the server closes is replaced at the next use; there is nobody to tell now.
    this.#pool.on('error', () => undefined);
  }

  async query<Row extends object>(text: string, values: readonly unknown[] = []) {
    try {
      return await this.#pool.query<Row>(text, values as unknown[]);
    } catch (error) {
      throw mapDriverError(error, this.name);
    }
  }

  /**
   * Lends one session to `use` and takes it back. An abort of `signal` cancels the statement that is running on the
   * server; a session that failed in a way that leaves its state unknown is thrown away.
   */
  async withSession<T>(use: (session: Queryable) => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    let client: PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw mapDriverError(error, this.name);
    }
    let broken: Error | undefined;
    const onClientError = (error: Error) => (broken = error);
    client.on('error', onClientError);
    const onAbort = () => this.#cancel(client);
    signal?.addEventListener('abort', onAbort, { once: true });
    const session: Queryable = {
      query: async <Row extends object>(text: string, values: readonly unknown[] = []) => {
        signal?.throwIfAborted();
        try {
          return await client.query<Row>(text, values as unknown[]);
        } catch (error) {
          signal?.throwIfAborted();
          throw mapDriverError(error, this.name);
        }
      },
    };
    try {
      return await use(session);
    } catch (error) {
      broken ??= error as Error;
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      client.off('error', onClientError);
      // After an abort a cancel may still be on its way: it must not hit the session's next user.
      client.release(broken ?? signal?.aborted);
    }
  }

  /** Runs `use` inside one transaction of the given mode; commits its result, rolls back when it throws. */
  async withTransaction<T>(
    mode: 'read write' | 'repeatable read, read only',
    use: (session: Queryable) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const begin = mode === 'read write' ? 'begin' : 'begin isolation level repeatable read, read only';
    return this.withSession(async (session) => {
      await session.query(begin);
      // On a throw the session is discarded, and with it the transaction.
      const result = await use(session);
      await session.query('commit');
      return result;
    }, signal);
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  #cancel(client: PoolClient): void {
    const pid = (client as unknown as { processID?: number }).processID;
    if (pid === undefined) return;
    // Over a connection of its own: the statements to be cancelled may hold all that the pool has.
    const canceller = new Client({ ...this.#config, connectionTimeoutMillis: 5_000 });
    canceller.on('error', () => undefined);
    // The statement may have ended by itself meanwhile; then cancelling does nothing, and a failure to cancel leaves
    // it to statement_timeout.
    void canceller
      .connect()
      .then(() => canceller.query('select pg_cancel_backend($1::int)', [pid]))
      .catch(() => undefined)
      .finally(() => canceller.end().catch(() => undefined));
  }
}
