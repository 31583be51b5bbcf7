import type { PurgeLine, PurgeSummary } from '../contracts/purge';
import type { RunConfig } from '../contracts/table-pair';
import type { Queryable } from '../database/connection';

/** Which runs a purge takes. */
export interface PurgeScope {
  /** ISO time: runs that ended before it; null: those of `runs`. */
  readonly cutoff: string | null;
  readonly runs: readonly string[] | null;
  readonly findings: boolean;
}

export type PurgeObstacle = 'not ended' | 'undo under way' | 'purged' | 'nothing to drop';

export interface PurgeCandidate {
  readonly runId: string;
  /** The run that it undid, the one that this one undid, and so on, as far as they could still be undone. */
  readonly undoes: readonly string[];
  /** Why it is kept; null: nothing stands in the way. */
  readonly obstacle: PurgeObstacle | null;
}

/**
 * The runs that a purge is asked for, the oldest first, and what stands in the way of each. Of those that are taken by
 * their age, the ones that have nothing to drop are left out.
 */
export async function listPurgeCandidates(ledger: Queryable, scope: PurgeScope): Promise<readonly PurgeCandidate[]> {
  const { rows } = await ledger.query<Record<'run_id' | 'obstacle' | 'undoes', string>>(
    `with recursive up (run_id, undone) as (
       select run_id, undo_of from run where undo_of is not null
        union all
       select up.run_id, r.undo_of from up join run r on r.run_id = up.undone and r.undo_of is not null),
     asked as (
       select r.run_id, coalesce(r.ended_at, r.started_at) as at,
              case when r.ended_at is null then 'not ended'
                   when exists (select 1 from run u where u.undo_of = r.run_id and u.ended_at is null)
                     then 'undo under way'
                   when exists (select 1 from purge_run d join purge p using (purge_id)
                                 where d.run_id = r.run_id and d.done_at is not null
                                   and (p.findings or not $3::boolean)) then 'purged'
                   when not r.apply and not $3::boolean then 'nothing to drop'
                   else '' end as obstacle
         from run r
        where ($1::timestamptz is null or coalesce(r.ended_at, r.started_at) < $1::timestamptz)
          and ($2::text[] is null or r.run_id = any ($2::text[])))
     select run_id, obstacle,
            to_json(array(select undone from up
                           where up.run_id = asked.run_id
                             and not exists (select 1 from purge_run p where p.run_id = up.undone))) as undoes
       from asked
      where $2::text[] is not null or obstacle not in ('purged', 'nothing to drop')
      order by at, run_id`,
    [scope.cutoff, scope.runs, scope.findings],
  );
  return rows.map((row) => ({
    runId: row.run_id,
    undoes: JSON.parse(row.undoes) as string[],
    obstacle: row.obstacle === '' ? null : (row.obstacle as PurgeObstacle),
  }));
}

/** Holds runs so that until the transaction ends nobody begins to undo or to resume them. */
export async function lockRuns(session: Queryable, runIds: readonly string[]): Promise<void> {
  await session.query('select 1 from run where run_id = any ($1::text[]) order by run_id for no key update', [runIds]);
}

/** Where the before-images of some runs may lie: a connection, and the schema there. */
export async function listImagePlaces(
  ledger: Queryable,
  runIds: readonly string[],
): Promise<readonly { readonly connection: string; readonly schema: string }[]> {
  const { rows } = await ledger.query<{ connection: string; schema: string }>(
    `select distinct t -> 'target' ->> 'connection' as connection, r.config ->> 'ledgerSchema' as schema
       from run r, jsonb_array_elements(r.config -> 'tables') as e(t)
      where r.run_id = any ($1::text[]) order by 1, 2`,
    [runIds],
  );
  return rows;
}

/** The same for one run. */
export function imagePlacesOf(config: RunConfig) {
  const connections = new Set(config.tables.map((pair) => pair.target.connection));
  return [...connections].map((connection) => ({ connection, schema: config.ledgerSchema }));
}

/** What belongs to the findings of a run, in the order in which it goes: without its chunks no run takes it over. */
const FINDING_TABLES = [
  ...['chunk', 'candidate', 'reconciliation_log', 'verification', 'correction_log', 'plan_item'],
] as const;

/** How much of the ledger the findings of some runs take. */
export async function measureFindings(ledger: Queryable, runIds: readonly string[]): Promise<readonly PurgeLine[]> {
  const lines: PurgeLine[] = [];
  for (const table of FINDING_TABLES) {
    const { rows } = await ledger.query<{ n: string; bytes: string }>(
      `select count(*) as n, coalesce(sum(pg_column_size(t.*)), 0) as bytes from ${table} t
        where run_id = any ($1::text[])`,
      [runIds],
    );
    const rowCount = Number(rows[0]?.n ?? 0);
    if (rowCount > 0) lines.push({ table, rows: rowCount, bytes: Number(rows[0]?.bytes ?? 0) });
  }
  return lines;
}

/** Drops at most `limit` rows of the findings of a run; returns how many: 0 when none is left. */
export async function deleteFindings(ledger: Queryable, runId: string, limit: number): Promise<number> {
  for (const table of FINDING_TABLES) {
    const { rowCount } = await ledger.query(
      `delete from ${table} where ctid = any (array(select ctid from ${table} where run_id = $1 limit $2))`,
      [runId, limit],
    );
    if (rowCount !== null && rowCount > 0) return rowCount;
  }
  return 0;
}

export interface NewPurge {
  readonly purgeId: string;
  readonly workflowId: string;
  readonly requestedBy: string | null;
  readonly runs: readonly string[];
  readonly summary: PurgeSummary;
}

export async function isPurgeOpen(ledger: Queryable, purgeId: string): Promise<boolean> {
  const { rows } = await ledger.query('select 1 from purge where purge_id = $1', [purgeId]);
  return rows.length > 0;
}

/** Enters a purge with its runs: from the end of the transaction on none of them can be undone. */
export async function insertPurge(session: Queryable, purge: NewPurge): Promise<void> {
  const { purgeId, workflowId, requestedBy, runs, summary } = purge;
  await session.query(
    `insert into purge (purge_id, workflow_id, requested_by, cutoff, findings, digest)
     values ($1, $2, $3, $4::timestamptz, $5, $6)`,
    [purgeId, workflowId, requestedBy, summary.cutoff, summary.findings, summary.digest],
  );
  await session.query('insert into purge_run (purge_id, run_id) select $1, unnest($2::text[])', [purgeId, runs]);
  const lines = [
    ...summary.images.map((line) => ({ ...line, place: 'target' })),
    ...summary.ledger.map((line) => ({ ...line, place: 'ledger' })),
  ];
  await session.query(
    `insert into purge_table (purge_id, place, table_name, rows, bytes)
     select $1, l ->> 'place', l ->> 'table', (l ->> 'rows')::bigint, (l ->> 'bytes')::bigint
       from jsonb_array_elements($2::jsonb) as t(l)`,
    [purgeId, JSON.stringify(lines)],
  );
}

/** The next run of a purge that is not dropped yet, with its config; null: none is left. */
export async function nextPurgeRun(
  ledger: Queryable,
  purgeId: string,
): Promise<{ readonly runId: string; readonly config: RunConfig } | null> {
  const { rows } = await ledger.query<{ run_id: string; config: string }>(
    `select p.run_id, r.config from purge_run p join run r using (run_id)
      where p.purge_id = $1 and p.done_at is null order by p.run_id limit 1`,
    [purgeId],
  );
  const row = rows[0];
  return row ? { runId: row.run_id, config: JSON.parse(row.config) as RunConfig } : null;
}

export async function finishPurgeRun(ledger: Queryable, purgeId: string, runId: string): Promise<void> {
  await ledger.query('update purge_run set done_at = clock_timestamp() where purge_id = $1 and run_id = $2', [
    purgeId,
    runId,
  ]);
}

export async function endPurge(ledger: Queryable, purgeId: string): Promise<void> {
  await ledger.query('update purge set ended_at = clock_timestamp() where purge_id = $1 and ended_at is null', [
    purgeId,
  ]);
}
