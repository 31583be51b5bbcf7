import type { DatabaseIdentity, RunServers } from '../contracts/server';
import type { Queryable } from '../database/connection';

/** The ID of the ledger itself. */
export async function readLedgerId(ledger: Queryable): Promise<string> {
  const { rows } = await ledger.query<{ id: string }>('select id::text as id from ledger');
  if (!rows[0]) throw new Error('the ledger has no ID');
  return rows[0].id;
}

/** Notes the databases that a run was opened with. */
export async function setServers(ledger: Queryable, runId: string, servers: RunServers): Promise<void> {
  await ledger.query('update run set servers = $2::jsonb where run_id = $1', [runId, JSON.stringify(servers)]);
}

/** The databases that a run was opened with; null: it is of an earlier version; undefined: there is no such run. */
export async function readServers(ledger: Queryable, runId: string): Promise<RunServers | null | undefined> {
  const { rows } = await ledger.query<{ servers: string | null }>('select servers from run where run_id = $1', [runId]);
  const [row] = rows;
  if (!row) return undefined;
  return row.servers === null ? null : (JSON.parse(row.servers) as RunServers);
}

/** Notes that a run went on with a connection on a newer timeline, as a standby was promoted; an older one is not noted. */
export async function noteFailover(
  ledger: Queryable,
  runId: string,
  connection: string,
  { timeline, standby }: Pick<DatabaseIdentity, 'timeline' | 'standby'>,
): Promise<void> {
  await ledger.query(
    `update run set servers = jsonb_set(servers, array['connections', $2::text],
        (servers -> 'connections' -> $2::text) || jsonb_build_object('timeline', $3::int, 'standby', $4::boolean, 'timelines',
          coalesce(servers -> 'connections' -> $2::text -> 'timelines',
                   jsonb_build_array(servers -> 'connections' -> $2::text -> 'timeline')) || to_jsonb($3::int)))
      where run_id = $1 and (servers -> 'connections' -> $2::text ->> 'timeline')::int < $3::int`,
    [runId, connection, timeline, standby],
  );
}
