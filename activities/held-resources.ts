import type { Config } from '../config/config';
import type { Comparison } from '../contracts/comparison';
import { TrueupError } from '../contracts/errors';
import { serverText, type DatabaseIdentity, type LedgerIdentity, type RunServers } from '../contracts/server';
import type { ChunkLimits } from '../contracts/throttle';
import type { Database } from '../database/connection';
import { isFailedOver, otherThan } from '../database/identity';
import type { Role } from '../engine/side';
import { noteFailover, readServers } from '../ledger/servers';
import { Resources } from './resources';

/** What an activity is held to: the ledger that its workflow knows, and the databases that its run was opened with. */
interface Held {
  readonly ledger: LedgerIdentity | null;
  readonly runId: string | null;
  readonly servers: RunServers | null;
}

/**
 * What a worker shares, held to the databases of one run: a session on another one is never lent. Whoever asks for it gets
 * WRONG_DATABASE, which is the worker's own fault and not what came of the step.
 */
export class HeldResources extends Resources {
  readonly #base: Resources;
  readonly #held: Held;
  #ledger: { readonly of: Database; readonly held: Database } | null = null;
  /** Connections that a failover took to a newer timeline. */
  readonly #failedOver = new Map<string, DatabaseIdentity>();

  constructor(base: Resources, held: Held) {
    super(base.options);
    this.#base = base;
    this.#held = held;
  }

  override readConfig(): Config {
    return this.#base.readConfig();
  }

  override config(): Config {
    return this.#base.config();
  }

  override async ledger(): Promise<Database> {
    const ledger = await this.#base.ledger();
    const expected = this.#held.ledger;
    if (!expected) return ledger;
    if (this.#ledger?.of === ledger) return this.#ledger.held;
    const held = ledger.heldTo((reached) => {
      const other = otherThan(expected.server, reached);
      if (other !== null) throw wrongLedger(expected, serverText(reached), other);
    });
    if ((await this.#base.ledgerId()) !== expected.id) {
      const { schema, server } = await this.#base.ledgerIdentity();
      throw wrongLedger(expected, `schema ${schema} of ${serverText(server)}`, 'another ledger');
    }
    this.#ledger = { of: ledger, held };
    return held;
  }

  override ledgerIdentity(): Promise<LedgerIdentity> {
    return this.#base.ledgerIdentity();
  }

  override ledgerId(): Promise<string> {
    return this.#base.ledgerId();
  }

  override database(connection: string, role: Role): Database {
    const recorded = this.#held.servers?.connections[connection];
    if (!recorded) return this.#base.database(connection, role);
    if (!this.config().connectionNames.includes(connection)) {
      const what = `connection ${connection}: the run was opened with ${serverText(recorded)}; this worker's config has none of that name`;
      throw new TrueupError('WRONG_DATABASE', what);
    }
    return this.#base.database(connection, role).heldTo((reached) => {
      const before = this.#failedOver.get(connection) ?? recorded;
      const other = otherThan(before, reached);
      if (other !== null) throw wrongDatabase(connection, before, reached, other);
      if (isFailedOver(before, reached)) this.#failedOver.set(connection, reached);
    });
  }

  override comparing<T>(
    comparison: Comparison,
    signal: AbortSignal,
    use: () => Promise<T>,
    limits?: ChunkLimits,
  ): Promise<T> {
    return this.#base.comparing(comparison, signal, use, limits);
  }

  override async comparison(runId: string, table: string): Promise<Comparison> {
    return this.#base.comparison(runId, table, await this.ledger());
  }

  /** Enters in the ledger that databases failed over since the run was opened. */
  async noteFailovers(): Promise<void> {
    const { runId } = this.#held;
    if (runId === null) return;
    for (const [connection, reached] of this.#failedOver) {
      await noteFailover(await this.ledger(), runId, connection, reached);
    }
  }

  override close(): Promise<void> {
    return this.#base.close();
  }

  /** The same, held to something else besides. */
  and(held: Partial<Held>): HeldResources {
    return new HeldResources(this.#base, { ...this.#held, ...held });
  }
}

const NOTHING: Held = { ledger: null, runId: null, servers: null };

/** `resources`, held to a ledger or to databases besides what they are held to already. */
export function heldTo(resources: Resources, held: Partial<Held>): HeldResources {
  return resources instanceof HeldResources
    ? resources.and(held)
    : new HeldResources(resources, { ...NOTHING, ...held });
}

/** `resources` for a step of a run, held to what the run was opened with. Throws WRONG_DATABASE. */
export async function ofRun(resources: Resources, runId: string): Promise<HeldResources> {
  const servers = await readServers(await resources.ledger(), runId);
  if (servers === undefined) {
    const { schema, server } = await resources.ledgerIdentity();
    const place = `schema ${schema} of ${serverText(server)}`;
    throw new TrueupError('WRONG_DATABASE', `run ${runId} is not in the ledger that this worker reaches: ${place}`);
  }
  return heldTo(resources, { runId, servers });
}

/**
 * Runs one step with what a worker shares, held to the ledger that the step's workflow knows, and to what its run was opened
 * with. Histories of earlier versions name no ledger, and their runs no databases. `isNamed`: the
 * run is one that a person names, which may not be there.
 */
export async function withHeld<I, O>(
  resources: Resources,
  input: I,
  use: (resources: Resources, input: I) => Promise<O>,
  isNamed = false,
): Promise<O> {
  const { ledger, ...own } = (input ?? {}) as { readonly ledger?: LedgerIdentity; readonly runId?: string };
  const runId = isNamed ? undefined : own.runId;
  const held = heldTo(resources, ledger === undefined ? {} : { ledger });
  const ofIts = runId === undefined ? held : await ofRun(held, runId);
  try {
    return await use(ofIts, own as I);
  } finally {
    // What was done stands; the next step notes what this one could not.
    await ofIts.noteFailovers().catch(() => undefined);
  }
}

export function wrongDatabase(
  connection: string,
  recorded: DatabaseIdentity,
  reached: DatabaseIdentity,
  other: string,
) {
  return new TrueupError(
    'WRONG_DATABASE',
    `connection ${connection}: the run was opened with ${serverText(recorded)}; this worker reaches ${other}: ${serverText(reached)}`,
  );
}

function wrongLedger({ schema, server }: LedgerIdentity, reached: string, other: string) {
  return new TrueupError(
    'WRONG_DATABASE',
    `ledger: the run is in schema ${schema} of ${serverText(server)}; this worker reaches ${other}: ${reached}`,
  );
}
