import { loadConfig } from '../config/load';
import type { Config } from '../config/config';
import type { Comparison, HashMethod } from '../contracts/comparison';
import { TrueupError } from '../contracts/errors';
import { Database } from '../database/connection';
import { chooseHash } from '../engine/canary';
import { sideOf, type Role } from '../engine/side';
import type { Sides } from '../engine/compare-chunk';
import { migrate } from '../ledger/migrate';
import { openLedger } from '../ledger/open';
import { readComparison } from '../ledger/run';
import { Slots } from './slots';

export interface ResourceOptions {
  /** Path of the config; default: as the CLI finds it. */
  readonly configPath?: string | undefined;
  /** Chunks that this worker compares at once, over all runs. */
  readonly concurrency: number;
  /** Whether the namespace has Trueup's search attributes. */
  readonly searchAttributes: boolean;
}

/** What the activities of one worker share: the config as it is now, and a pool for each database. */
export class Resources {
  readonly compareSlots: Slots;
  readonly searchAttributes: boolean;
  readonly #options: ResourceOptions;
  readonly #pools = new Map<string, { readonly url: string; readonly database: Database }>();
  readonly #comparisons = new Map<string, Comparison>();
  #config: Config | null = null;
  #migrated: string | null = null;

  constructor(options: ResourceOptions) {
    this.#options = options;
    this.searchAttributes = options.searchAttributes;
    this.compareSlots = new Slots(options.concurrency);
  }

  /** Reads the config anew: a run starts from the file as it is. Throws CONFIG_*. */
  readConfig(): Config {
    this.#config = loadConfig({ path: this.#options.configPath });
    return this.#config;
  }

  /** The config as it was read last: an edit, or a slip in one, does not reach the runs that are under way. */
  config(): Config {
    return this.#config ?? this.readConfig();
  }

  /** The ledger, brought up to date. */
  async ledger(): Promise<Database> {
    const config = this.config();
    const { connection, schema } = config.ledger;
    const url = config.connectionUrl(connection);
    const ledger = this.#pool(`ledger ${connection} ${schema}`, url, () =>
      openLedger({ url, schema, name: connection, maxConnections: this.#options.concurrency + 4 }),
    );
    const place = JSON.stringify([url, schema]);
    if (this.#migrated !== place) {
      await migrate(ledger, schema, 'ledger');
      this.#migrated = place;
    }
    return ledger;
  }

  /** A pool on a connection of the config; the source's sessions are read-only. */
  database(connection: string, role: Role): Database {
    const config = this.config();
    const url = config.connectionUrl(connection);
    return this.#pool(`${role} ${connection}`, url, () => {
      // One session for each chunk compared at once, and a few for what runs beside it.
      const maxConnections = this.#options.concurrency + 8;
      return new Database({ name: connection, url, maxConnections, readOnly: role === 'source' });
    });
  }

  /** How rows are hashed on two connections: what their servers have just proven to do alike. */
  async hashMethod(source: string, target: string): Promise<HashMethod> {
    return chooseHash(this.database(source, 'source'), this.database(target, 'target'));
  }

  sides(comparison: Comparison): Sides {
    const { source, target } = comparison.pair;
    return {
      source: sideOf(comparison, 'source', this.database(source.connection, 'source')),
      target: sideOf(comparison, 'target', this.database(target.connection, 'target')),
    };
  }

  /** A table pair of a run, as it was resolved when the run was opened. */
  async comparison(runId: string, table: string): Promise<Comparison> {
    const id = JSON.stringify([runId, table]);
    const known = this.#comparisons.get(id);
    if (known) return known;
    const comparison = await readComparison(await this.ledger(), runId, table);
    if (!comparison) throw new TrueupError('RUN_NOT_FOUND', `run ${runId} has no table ${table} in the ledger`);
    if (this.#comparisons.size >= 500) this.#comparisons.clear();
    this.#comparisons.set(id, comparison);
    return comparison;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map(({ database }) => database.close()));
  }

  #pool(id: string, url: string, open: () => Database): Database {
    const known = this.#pools.get(id);
    if (known?.url === url) return known.database;
    const database = open();
    this.#pools.set(id, { url, database });
    // The config names another server now; whoever still uses the old pool finishes on it.
    if (known) void known.database.close();
    return database;
  }
}
