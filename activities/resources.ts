import { loadConfig } from '../config/load';
import type { Config } from '../config/config';
import type { Comparison, HashMethod } from '../contracts/comparison';
import { TrueupError } from '../contracts/errors';
import type { LedgerIdentity } from '../contracts/server';
import type { ChunkLimits } from '../contracts/throttle';
import { Database } from '../database/connection';
import { chooseHash } from '../engine/canary';
import { sideOf, type Role } from '../engine/side';
import type { Sides } from '../engine/compare-chunk';
import { migrate } from '../ledger/migrate';
import { openLedger } from '../ledger/open';
import { readComparison } from '../ledger/run';
import { readLedgerId } from '../ledger/servers';
import type { Metrics } from './metrics';
import { Slots } from './slots';

/** Connections that settling, applying and verifying find free whatever is compared. */
const CONNECTIONS_BESIDE = 4;

export interface ResourceOptions {
  /** Path of the config; default: as the CLI finds it. */
  readonly configPath?: string | undefined;
  /** Chunks that this worker compares at once for a run that says no other number. */
  readonly concurrency: number;
  /** Whether the namespace has Trueup's search attributes. */
  readonly searchAttributes: boolean;
  /** Where the worker counts; default: nowhere. */
  readonly metrics?: Metrics | undefined;
}

/** What the activities of one worker share: the config as it is now, and a pool for each database. */
export class Resources {
  readonly searchAttributes: boolean;
  readonly metrics: Metrics | null;
  readonly options: ResourceOptions;
  readonly #pools = new Map<string, { readonly url: string; readonly database: Database }>();
  readonly #comparisons = new Map<string, Comparison>();
  /** Chunks at once over all databases; the limit comes with each run. */
  readonly #slots = new Slots(Infinity);
  readonly #connectionSlots = new Map<string, Slots>();
  #config: Config | null = null;
  #migrated: { readonly place: string; readonly ledgerId: string } | null = null;

  constructor(options: ResourceOptions) {
    this.options = options;
    this.searchAttributes = options.searchAttributes;
    this.metrics = options.metrics ?? null;
  }

  /** Reads the config anew: a run starts from the file as it is. Throws CONFIG_*. */
  readConfig(): Config {
    this.#config = loadConfig({ path: this.options.configPath });
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
      openLedger({ url, schema, name: connection, maxConnections: this.options.concurrency + 4 }),
    );
    const place = JSON.stringify([url, schema]);
    if (this.#migrated?.place !== place) {
      await migrate(ledger, schema, 'ledger');
      this.#migrated = { place, ledgerId: await readLedgerId(ledger) };
    }
    return ledger;
  }

  /** Which ledger this worker reaches. */
  async ledgerIdentity(): Promise<LedgerIdentity> {
    const ledger = await this.ledger();
    const { connection, schema } = this.config().ledger;
    return { id: await this.ledgerId(), connection, schema, server: await ledger.identity() };
  }

  /** The ID that the ledger gave itself. */
  async ledgerId(): Promise<string> {
    const ledger = await this.ledger();
    return this.#migrated?.ledgerId ?? readLedgerId(ledger);
  }

  /** A pool on a connection of the config; the source's sessions are read-only. */
  database(connection: string, role: Role): Database {
    const config = this.config();
    const url = config.connectionUrl(connection);
    return this.#pool(`${role} ${connection}`, url, () => {
      const maxConnections = config.maxConnections(connection);
      const { statementTimeoutMs } = config.defaults;
      return new Database({ name: connection, url, maxConnections, statementTimeoutMs, readOnly: role === 'source' });
    });
  }

  /** How rows are hashed on two connections: what their servers have just proven to do alike. */
  async hashMethod(source: string, target: string): Promise<HashMethod> {
    return chooseHash(this.database(source, 'source'), this.database(target, 'target'));
  }

  /**
   * Runs `use`, which reads whole chunks on both sides of a pair, when few enough others do: on this worker, and on
   * each of the two databases. Waits for its turn until the signal aborts.
   */
  async comparing<T>(
    comparison: Comparison,
    signal: AbortSignal,
    use: () => Promise<T>,
    limits?: ChunkLimits,
  ): Promise<T> {
    const { source, target } = comparison.pair;
    // In one order, so that two cannot wait for each other.
    const connections = [...new Set([source.connection, target.connection])].sort();
    const perConnection = limits?.perConnection ?? Infinity;
    const concurrency = limits?.concurrency ?? this.options.concurrency;
    let turn = () => this.#slots.with(signal, use, concurrency);
    for (const connection of connections) {
      const next = turn;
      turn = () => this.#slotsOf(connection).with(signal, next, perConnection);
    }
    return turn();
  }

  sides(comparison: Comparison): Sides {
    const { source, target } = comparison.pair;
    return {
      source: sideOf(comparison, 'source', this.database(source.connection, 'source')),
      target: sideOf(comparison, 'target', this.database(target.connection, 'target')),
    };
  }

  /** A table pair of a run, as it was resolved when the run was opened. */
  async comparison(runId: string, table: string, ledger?: Database): Promise<Comparison> {
    const id = JSON.stringify([runId, table]);
    const known = this.#comparisons.get(id);
    if (known) return known;
    const comparison = await readComparison(ledger ?? (await this.ledger()), runId, table);
    if (!comparison) throw new TrueupError('RUN_NOT_FOUND', `run ${runId} has no table ${table} in the ledger`);
    if (this.#comparisons.size >= 500) this.#comparisons.clear();
    this.#comparisons.set(id, comparison);
    return comparison;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map(({ database }) => database.close()));
  }

  /** As many chunks as there are connections for, less some for what goes on beside. */
  #slotsOf(connection: string): Slots {
    const known = this.#connectionSlots.get(connection);
    if (known) return known;
    const slots = new Slots(Math.max(1, this.config().maxConnections(connection) - CONNECTIONS_BESIDE));
    this.#connectionSlots.set(connection, slots);
    return slots;
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
