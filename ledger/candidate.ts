import type { ColumnDifference, Difference, Reading } from '../contracts/difference';
import type { RowInconsistencyType, TextRow } from '../contracts/finding';
import type { Queryable } from '../database/connection';
import type { BegunChunk } from './chunk';

/** Ends in no row unless the chunk is still in the attempt that writes, and keeps it so until the statement is done. */
const HELD = `select 1 from chunk
               where run_id = $1 and table_name = $2 and chunk_no = $3 and attempts = $4 and status = 'planned'
                 for share`;

type ChunkAttempt = Pick<BegunChunk, 'no' | 'attempt'>;

/** Forgets what earlier attempts at a chunk left behind; nothing when a later one has begun. */
export async function deleteCandidates(
  ledger: Queryable,
  runId: string,
  table: string,
  { no, attempt }: ChunkAttempt,
): Promise<void> {
  await ledger.query(
    `with held as materialized (${HELD})
     delete from candidate where run_id = $1 and table_name = $2 and chunk_no = $3 and exists (select 1 from held)`,
    [runId, table, no, attempt],
  );
}

/** Enters what differs in a chunk; nothing when a later attempt has begun. */
export async function insertCandidates(
  ledger: Queryable,
  runId: string,
  table: string,
  { no, attempt }: ChunkAttempt,
  candidates: readonly Difference[],
): Promise<void> {
  if (candidates.length === 0) return;
  // A row that moved to another chunk's range between two attempts may be there already: the newer reading stands.
  await ledger.query(
    `with held as materialized (${HELD})
     insert into candidate (run_id, table_name, chunk_no, key_digest, record_key, inconsistency_type, source_data,
                            target_data, columns, counts)
     select $1, $2, $3, decode(c ->> 'keyDigest', 'hex'), c -> 'key', c ->> 'type', nullif(c -> 'source', 'null'),
            nullif(c -> 'target', 'null'), c -> 'differences', nullif(c -> 'counts', 'null')
       from held, jsonb_array_elements($5::jsonb) as t(c)
     on conflict (run_id, table_name, key_digest) do update
        set chunk_no = excluded.chunk_no, inconsistency_type = excluded.inconsistency_type,
            source_data = excluded.source_data, target_data = excluded.target_data, columns = excluded.columns, counts = excluded.counts,
            attempts = 0, moving = false, state = 'open'`,
    [runId, table, no, attempt, JSON.stringify(candidates)],
  );
}

interface CandidateRow {
  key_digest: string;
  record_key: string;
  inconsistency_type: RowInconsistencyType;
  source_data: string | null;
  target_data: string | null;
  columns: string;
  moving: string;
}

/** A candidate as it was read last, and whether it had changed then. */
export type OpenCandidate = Difference & { readonly moving: boolean };

const row = (json: string | null) => (json === null ? null : (JSON.parse(json) as TextRow));

/**
 * The next open candidates with a key, of these types or of any, that were not read for the `attempt`-th time yet, by key
 * digest, from `after` on: what was read before is not passed over again.
 */
export async function nextCandidates(
  ledger: Queryable,
  runId: string,
  table: string,
  attempt: number,
  limit: number,
  types: readonly RowInconsistencyType[] | null = null,
  after = '',
): Promise<readonly OpenCandidate[]> {
  const { rows } = await ledger.query<CandidateRow>(
    `select encode(key_digest, 'hex') as key_digest, record_key, inconsistency_type, source_data, target_data, columns,
            moving
       from candidate
      where run_id = $1 and table_name = $2 and state = 'open' and attempts < $3 and counts is null
        and ($5::text[] is null or inconsistency_type = any ($5::text[])) and key_digest > decode($6, 'hex')
      order by candidate.key_digest limit $4`,
    [runId, table, attempt, limit, types, after],
  );
  return rows.map((found) => ({
    keyDigest: found.key_digest,
    key: JSON.parse(found.record_key) as TextRow,
    type: found.inconsistency_type,
    source: row(found.source_data),
    target: row(found.target_data),
    differences: JSON.parse(found.columns) as ColumnDifference[],
    counts: null,
    moving: found.moving === 't',
  }));
}

/**
 * Records one more reading of candidates; the first that comes for an attempt stands, and a closed candidate stays. Those
 * that stand as still as before need not be recorded.
 */
export async function recordReadings(
  ledger: Queryable,
  runId: string,
  table: string,
  attempt: number,
  readings: readonly Reading[],
): Promise<void> {
  if (readings.length === 0) return;
  await ledger.query(
    `update candidate
        set attempts = $3,
            state = case when r -> 'difference' = 'null' then 'transient' else 'open' end,
            moving = (r ->> 'moving')::boolean,
            inconsistency_type = coalesce(r -> 'difference' ->> 'type', inconsistency_type),
            source_data = case when r -> 'difference' = 'null' then source_data
                               else nullif(r -> 'difference' -> 'source', 'null') end,
            target_data = case when r -> 'difference' = 'null' then target_data
                               else nullif(r -> 'difference' -> 'target', 'null') end,
            columns = coalesce(nullif(r -> 'difference', 'null') -> 'differences', columns)
       from jsonb_array_elements($4::jsonb) as t(r)
      where run_id = $1 and table_name = $2 and key_digest = decode(r ->> 'keyDigest', 'hex')
        and state = 'open' and attempts < $3`,
    [runId, table, attempt, JSON.stringify(readings)],
  );
}

export async function countOpenCandidates(ledger: Queryable, runId: string, table: string): Promise<number> {
  const { rows } = await ledger.query<{ n: string }>(
    `select count(*) as n from candidate where run_id = $1 and table_name = $2 and state = 'open'`,
    [runId, table],
  );
  return Number(rows[0]?.n ?? 0);
}

/** After the last reading, the `attempt`-th: what still moves is unsettled, what holds still has settled. Counts by state. */
export async function closeCandidates(
  ledger: Queryable,
  runId: string,
  table: string,
  attempt: number,
): Promise<{ readonly settled: number; readonly transient: number; readonly unsettled: number }> {
  await ledger.query(
    `update candidate
        set state = case when moving then 'unsettled' else 'settled' end, attempts = greatest(attempts, $3)
      where run_id = $1 and table_name = $2 and state = 'open'`,
    [runId, table, attempt],
  );
  const { rows } = await ledger.query<{ state: string; n: string }>(
    'select state, count(*) as n from candidate where run_id = $1 and table_name = $2 group by state',
    [runId, table],
  );
  const count = (state: string) => Number(rows.find((found) => found.state === state)?.n ?? 0);
  return { settled: count('settled'), transient: count('transient'), unsettled: count('unsettled') };
}
