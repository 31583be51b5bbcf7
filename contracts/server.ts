/** Which database answers on a connection, by what its server tells. */
export interface DatabaseIdentity {
  /** Of the cluster, the same on its standbys; null: the role may not read it. */
  readonly system: string | null;
  readonly database: string;
  readonly oid: string;
  /** Goes up by one with each promotion of a standby; null: not told. */
  readonly timeline: number | null;
  /** A standby, which replays what its primary wrote. */
  readonly standby: boolean;
  readonly version: string;
  /** Host and port of the server as it sees itself; null over a Unix socket. */
  readonly address: string | null;
}

export interface ServerOfRun extends DatabaseIdentity {
  /** The timelines on which the run met it, the first at its opening; absent: only that one. */
  readonly timelines?: readonly number[];
}

/** The ledger in which a run is: by an ID of its own, so that a copy of it elsewhere is told from it. */
export interface LedgerIdentity {
  readonly id: string;
  readonly connection: string;
  readonly schema: string;
  readonly server: DatabaseIdentity;
}

/** The databases that a run was opened with, by the names of their connections, and its ledger. */
export interface RunServers {
  readonly connections: Readonly<Record<string, ServerOfRun>>;
  readonly ledger: LedgerIdentity;
}

/** What is said of a database to people: `shop, PostgreSQL 16.4, system …448312`. */
export function serverText({ database, version, system, standby }: DatabaseIdentity): string {
  return `${database}, PostgreSQL ${version}, system ${shortSystem(system)}${standby ? ', a standby' : ''}`;
}

const SHOWN_DIGITS = 6;

function shortSystem(system: string | null): string {
  return system === null ? 'unknown' : `…${system.slice(-SHOWN_DIGITS)}`;
}
