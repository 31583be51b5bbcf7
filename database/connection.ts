import { Pool, type ClientBase, type PoolClient, type PoolConfig } from 'pg';
import type { DatabaseIdentity } from '../contracts/server';
import { cancelRunning } from './cancel';
import { mapDriverError } from './failure';
import { readIdentity } from './identity';
import { beginText, endText, type SessionOptions, type TransactionMode } from './settings';

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

export interface DatabaseOptions extends SessionOptions {
  /** The name of the connection in the config; used in messages, never the URL. */
  readonly name: string;
  readonly url: string;
  /** Connections held at the most. */
  readonly maxConnections?: number;
}

/** Everything arrives as text; numbers past 2^53, dates and JSON would lose something in JavaScript's types. */
const TEXT_ONLY = { getTypeParser: () => (value: string) => value } as unknown as NonNullable<PoolConfig['types']>;

/** A pool whose connections are held to one database by `check`, which throws for any other. */
interface Held {
  readonly of: Database;
  readonly check: (reached: DatabaseIdentity) => void;
}

/**
 * A pool of connections to one database. Each statement runs inside a transaction, which has the settings: nothing is
 * left to the session, which behind a transaction pooler may be another one in the next transaction.
 */
export class Database implements Queryable {
  readonly name: string;
  readonly #pool: Pool;
  readonly #options: SessionOptions;
  /** Which database each connection leads to, as it was when it was opened. */
  readonly #identities: WeakMap<object, DatabaseIdentity>;
  readonly #check: Held['check'] | null;

  constructor(options: DatabaseOptions | Held) {
    if ('of' in options) {
      this.name = options.of.name;
      this.#pool = options.of.#pool;
      this.#options = options.of.#options;
      this.#identities = options.of.#identities;
      this.#check = options.check;
      return;
    }
    this.name = options.name;
    this.#options = options;
    this.#identities = new WeakMap();
    this.#check = null;
    this.#pool = new Pool({
      connectionString: options.url,
      application_name: 'trueup',
      max: options.maxConnections ?? 4,
      connectionTimeoutMillis: 15_000,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
      types: TEXT_ONLY,
      // What is asked in one turn goes out at once: `begin` with the settings, a statement and `commit` are one round trip.
      pipeline: true,
      // Awaited before a connection is lent for the first time, though its type says that nothing is returned.
      onConnect: (async (client: ClientBase) => {
        // Alone: a pooler of single statements refuses it and closes, which a write in flight would report as a lost connection.
        await client.query('begin');
        await client.query('rollback');
        this.#identities.set(client, await readIdentity(client));
      }) as (client: ClientBase) => void,
    } satisfies PoolConfig & { readonly pipeline: boolean });
    // An idle connection that the server closes is replaced at the next use; there is nobody to tell now.
    this.#pool.on('error', () => undefined);
  }

  /** The same pool, whose connections are lent only after `check` was given the database that they lead to, and let it pass. */
  heldTo(check: Held['check']): Database {
    return new Database({ of: this, check });
  }

  /** The database that a connection of the pool leads to now. */
  identity(): Promise<DatabaseIdentity> {
    return this.#lend((client) => {
      const reached = this.#identities.get(client);
      return reached ? Promise.resolve(reached) : readIdentity(client);
    });
  }

  /** Runs one statement in a transaction of its own. */
  async query<Row extends object>(text: string, values: readonly unknown[] = []) {
    return this.#lend((client) => this.#told(this.#alone<Row>(client, text, values)));
  }

  /**
   * Lends a session to `use` and takes it back; each statement is a transaction of its own. An abort of `signal` cancels
   * the statement that is running on the server.
   */
  async withSession<T>(use: (session: Queryable) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#lend((client) => {
      // Not before the one before it has ended: a pooler gives each to another session of the server.
      let before: Promise<unknown> = Promise.resolve();
      return use({
        query: async <Row extends object>(text: string, values: readonly unknown[] = []) => {
          const turn = before.then(() => {
            signal?.throwIfAborted();
            return this.#alone<Row>(client, text, values);
          });
          before = turn.catch(() => undefined);
          return this.#told(turn, signal);
        },
      });
    }, signal);
  }

  /** Runs `use` inside one transaction of the given mode; commits its result, rolls back when it throws. */
  async withTransaction<T>(
    mode: TransactionMode,
    use: (session: Queryable) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    return this.#lend(async (client) => {
      const send = async <Row extends object>(text: string, values: readonly unknown[] = []) => {
        signal?.throwIfAborted();
        return this.#told(client.query<Row>(text, values as unknown[]), signal);
      };
      // Not waited for: the first statement goes out with it, and if it fails, so does what follows it.
      const begun = send(beginText(mode, this.#options));
      begun.catch(() => undefined);
      // On a throw the session is discarded, and with it the transaction.
      const result = await use({
        query: async <Row extends object>(text: string, values: readonly unknown[] = []) => {
          const sent = send<Row>(text, values);
          sent.catch(() => undefined);
          await begun;
          return sent;
        },
      });
      await begun;
      await send(endText(mode, this.#options));
      return result;
    }, signal);
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  /** Lends a connection; one that failed is thrown away, as its state is unknown. */
  async #lend<T>(use: (client: PoolClient) => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    let client: PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw mapDriverError(error, this.name);
    }
    this.#admit(client);
    let broken: Error | undefined;
    const onClientError = (error: Error) => (broken = error);
    client.on('error', onClientError);
    const onAbort = () => cancelRunning(client);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await use(client);
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

  /** Lets a connection pass that leads to the database to which this pool is held; another goes back, unused. */
  #admit(client: PoolClient): void {
    const reached = this.#identities.get(client);
    try {
      if (this.#check && reached) this.#check(reached);
    } catch (error) {
      client.release();
      throw error;
    }
  }

  /** One statement between `begin` and the end, sent as one: what fails in the middle is rolled back by the end. */
  async #alone<Row extends object>(client: PoolClient, text: string, values: readonly unknown[]) {
    const [begun, result, ended] = await Promise.allSettled([
      client.query(beginText('read write', this.#options)),
      client.query<Row>(text, values as unknown[]),
      client.query(endText('read write', this.#options)),
    ]);
    if (begun.status === 'rejected') throw begun.reason;
    if (result.status === 'rejected') throw result.reason;
    if (ended.status === 'rejected') throw ended.reason;
    return result.value;
  }

  /** What came of a statement; an abort is what failed it, whatever the server said to that. */
  async #told<T>(sent: Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await sent;
    } catch (error) {
      signal?.throwIfAborted();
      throw mapDriverError(error, this.name);
    }
  }
}
