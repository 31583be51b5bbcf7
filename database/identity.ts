import type { ClientBase } from 'pg';
import type { DatabaseIdentity } from '../contracts/server';

/** Which database a session is on: read once for each connection, before it is used. */
export async function readIdentity(client: ClientBase): Promise<DatabaseIdentity> {
  try {
    return await read(client, 'pg_catalog.pg_control_system() c, pg_catalog.pg_control_checkpoint() p');
  } catch (error) {
    // Where these functions were taken from everybody, the rest has to tell.
    if ((error as { readonly code?: unknown }).code !== '42501') throw error;
    return read(client, '(select null::int8 as system_identifier) c, (select null::int4 as timeline_id) p');
  }
}

interface IdentityRow {
  readonly system: string | null;
  readonly database: string;
  readonly oid: string;
  readonly wal: string | null;
  readonly timeline: string | null;
  readonly standby: boolean | string;
  readonly version: string;
  readonly host: string | null;
  readonly port: string | null;
}

async function read(client: ClientBase, control: string): Promise<DatabaseIdentity> {
  const { rows } = await client.query<IdentityRow>(
    `select c.system_identifier::text as system, d.datname::text as database, d.oid::text as oid, p.timeline_id::text as timeline,
            case when not pg_catalog.pg_is_in_recovery()
                 then pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()) end as wal,
            pg_catalog.pg_is_in_recovery()::text as standby, pg_catalog.current_setting('server_version') as version,
            pg_catalog.host(pg_catalog.inet_server_addr()) as host, pg_catalog.inet_server_port()::text as port
       from pg_catalog.pg_database d, ${control}
      where d.datname = pg_catalog.current_database()`,
  );
  const [row] = rows;
  if (!row) throw new Error('the server does not say which database it is');
  const { system, database, oid, host, port } = row;
  // The control file has a new timeline from the next checkpoint on only, the name of a WAL file at once.
  const timeline = row.wal === null ? row.timeline : String(parseInt(row.wal.slice(0, TIMELINE_DIGITS), 16));
  return {
    system,
    database,
    oid,
    timeline: timeline === null ? null : Number(timeline),
    standby: row.standby === 'true',
    version: row.version.split(' ')[0] ?? row.version,
    address: host === null ? null : `${host}:${port ?? ''}`,
  };
}

const TIMELINE_DIGITS = 8;

/**
 * Why what a session reached is not the database that was recorded; null: it is, be it after a failover. A server that was
 * left behind by a failover is another one, and so is a standby in the place of its primary, which may not have replayed
 * everything.
 */
export function otherThan(recorded: DatabaseIdentity, reached: DatabaseIdentity): string | null {
  const known = recorded.system !== null && reached.system !== null;
  if (known && recorded.system !== reached.system) return 'another server';
  // Without its identifier a server is known by its address alone.
  if (!known && recorded.address !== reached.address) return 'another server, by its address';
  if (recorded.oid !== reached.oid || recorded.database !== reached.database) return 'another database of that server';
  const [before, now] = [recorded.timeline, reached.timeline];
  if (before !== null && now !== null && now < before) return 'a server that was left behind by a failover';
  if (!recorded.standby && reached.standby) return 'a standby of that server';
  const isPromoted = before !== null && now !== null && now > before;
  if (recorded.standby && !reached.standby && !isPromoted) return 'the primary of that standby';
  return null;
}

/** Whether a standby was promoted since: the same database, on a newer timeline. */
export function isFailedOver(recorded: DatabaseIdentity, reached: DatabaseIdentity): boolean {
  return recorded.timeline !== null && reached.timeline !== null && reached.timeline > recorded.timeline;
}
