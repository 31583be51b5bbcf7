import type { RunServers, ServerOfRun } from '../contracts/server';
import type { RunConfig } from '../contracts/table-pair';
import type { Role } from '../engine/side';
import { otherThan } from '../database/identity';
import { heldTo, wrongDatabase, type HeldResources } from './held-resources';
import type { Resources } from './resources';

/** What a run is opened with, and what the worker shares held to it from now on. */
export interface OpenedServers {
  readonly servers: RunServers;
  readonly held: HeldResources;
}

/**
 * Which databases a worker reaches on the connections that a run uses, and which ledger. `earlier`: what a run was opened
 * with on whose work this one goes on; null: on none, or on that of an earlier version.
 *
 * @throws WRONG_DATABASE: the worker reaches another database than the earlier run.
 */
export async function openServers(
  resources: Resources,
  config: RunConfig,
  earlier: RunServers | null = null,
): Promise<OpenedServers> {
  const from = earlier === null ? resources : heldTo(resources, { servers: earlier });
  const connections: Record<string, ServerOfRun> = {};
  for (const [connection, role] of connectionsOf(config)) {
    connections[connection] = await from.database(connection, role).identity();
  }
  const servers = { connections, ledger: await resources.ledgerIdentity() };
  return { servers, held: heldTo(resources, { servers }) };
}

/** Throws WRONG_DATABASE where a connection leads elsewhere than it did for an earlier run. */
export function needSame(earlier: RunServers | null | undefined, now: RunServers): void {
  for (const [connection, reached] of Object.entries(now.connections)) {
    const recorded = earlier?.connections[connection];
    const other = recorded ? otherThan(recorded, reached) : null;
    if (recorded && other !== null) throw wrongDatabase(connection, recorded, reached, other);
  }
}

/** The connections that a run uses, each with a role in which it does; what else the config has may be out of reach. */
function connectionsOf({ tables, rules = [], throttle }: RunConfig): ReadonlyMap<string, Role> {
  const roles = new Map<string, Role>();
  for (const { source, target } of tables) {
    roles.set(source.connection, roles.get(source.connection) ?? 'source');
    roles.set(target.connection, 'target');
  }
  for (const connection of rules.flatMap(({ source, target }) => [source, target])) {
    roles.set(connection, roles.get(connection) ?? 'source');
  }
  const paused = throttle?.pauseWhile?.connection;
  if (paused !== undefined) roles.set(paused, roles.get(paused) ?? 'source');
  return roles;
}
