import type { Candidate, Difference, Reading, Twin } from '../contracts/difference';
import type { RowInconsistencyType, TextRow } from '../contracts/finding';
import type { Queryable } from '../database/connection';
import type { BegunChunk } from './chunk';
import { unconfirmedReadings } from './replay';
import { mergeTwins } from './twin';

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
                            target_data, source_digest, target_digest, columns, counts, detail, held, twin_digest,
                            twin_role)
     select $1, $2, $3, decode(c ->> 'keyDigest', 'hex'), c -> 'key', c ->> 'type', nullif(c -> 'source', 'null'),
            nullif(c -> 'target', 'null'), (c -> 'digests' ->> 'source')::bigint, (c -> 'digests' ->> 'target')::bigint,
            c -> 'differences', nullif(c -> 'counts', 'null'), c ->> 'detail', coalesce((c -> 'held')::boolean, false),
            decode(c -> 'twin' ->> 'keyDigest', 'hex'), c -> 'twin' ->> 'role'
       from held, jsonb_array_elements($5::jsonb) as t(c)
     on conflict (run_id, table_name, key_digest) do update
        set chunk_no = excluded.chunk_no, inconsistency_type = excluded.inconsistency_type,
            source_data = excluded.source_data, target_data = excluded.target_data,
            source_digest = excluded.source_digest, target_digest = excluded.target_digest,
            columns = excluded.columns, counts = excluded.counts, detail = excluded.detail, held = excluded.held,
            twin_digest = excluded.twin_digest, twin_role = excluded.twin_role, merged = false,
            attempts = 0, moving = false, seen = 0, state = 'open'`,
    [runId, table, no, attempt, JSON.stringify(candidates)],
  );
}

/** A candidate as it was read last, and whether it had changed then. */
export type OpenCandidate = Candidate & { readonly moving: boolean };

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
  const { rows } = await ledger.query<{
    digest: string;
    record_key: string;
    inconsistency_type: RowInconsistencyType;
    source_digest: string | null;
    target_digest: string | null;
    moving: string;
    detail: string | null;
    held: string;
    twin: string | null;
    twin_role: Twin['role'] | null;
  }>(
    `select encode(key_digest, 'hex') as digest, record_key, inconsistency_type, source_digest, target_digest, moving,
            detail, held, encode(twin_digest, 'hex') as twin, twin_role
       from candidate
      where run_id = $1 and table_name = $2 and state = 'open' and attempts < $3 and counts is null
        and ($5::text[] is null or inconsistency_type = any ($5::text[])) and key_digest > decode($6, 'hex')
      order by key_digest limit $4`,
    [runId, table, attempt, limit, types, after],
  );
  return rows.map((found) => ({
    keyDigest: found.digest,
    key: JSON.parse(found.record_key) as TextRow,
    type: found.inconsistency_type,
    digests: { source: found.source_digest, target: found.target_digest },
    moving: found.moving === 't',
    ...(found.detail === null ? {} : { detail: found.detail }),
    ...(found.held === 't' ? { held: true } : {}),
    ...(found.twin === null || found.twin_role === null
      ? {}
      : { twin: { keyDigest: found.twin, role: found.twin_role } }),
  }));
}

/**
 * Ends in no row once the table's candidates are closed; until the statement is done they are not. With it a reading that
 * comes late, by an attempt that was given up, changes nothing.
 */
export const SETTLING = `settling as materialized (
         select 1 from run_table where run_id = $1 and table_name = $2 and settled_at is null for share)`;

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
    `with ${SETTLING},
     reading as (
       select decode(r ->> 'keyDigest', 'hex') as digest, r ->> 'state' as state, nullif(r -> 'difference', 'null') as found
         from jsonb_array_elements($4::jsonb) as t(r))
     update candidate c
        set attempts = $3,
            state = case r.state when 'healed' then 'transient' else 'open' end,
            moving = r.state = 'moving', seen = case r.state when 'moving' then $3 else seen end,
            inconsistency_type = case when r.found is null then inconsistency_type else r.found ->> 'type' end,
            source_data = case when r.found is null then source_data else nullif(r.found -> 'source', 'null') end,
            target_data = case when r.found is null then target_data else nullif(r.found -> 'target', 'null') end,
            source_digest = case when r.found is null then source_digest
                                 else (r.found -> 'digests' ->> 'source')::bigint end,
            target_digest = case when r.found is null then target_digest
                                 else (r.found -> 'digests' ->> 'target')::bigint end,
            columns = coalesce(r.found -> 'differences', columns),
            detail = case when r.found is null then detail else r.found ->> 'detail' end,
            held = case when r.found is null then held else coalesce((r.found -> 'held')::boolean, false) end,
            twin_digest = case when r.found is null then twin_digest
                               else decode(r.found -> 'twin' ->> 'keyDigest', 'hex') end,
            twin_role = case when r.found is null then twin_role else r.found -> 'twin' ->> 'role' end
       from reading r
      where run_id = $1 and table_name = $2 and key_digest = r.digest
        and c.state = 'open' and attempts < $3 and exists (select 1 from settling)`,
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

export interface Closed {
  readonly settled: number;
  readonly transient: number;
  readonly unsettled: number;
  /** How many are unsettled for a standby that is behind, and why; absent: none. */
  readonly unreplayed?: string;
}

/**
 * After the last reading: what still moves is unsettled, and all of a table that could not be read as a whole; what is open
 * still has settled, and stays as it is, as there may be millions. A row that has two spellings is one from then on (see
 * {@link mergeTwins}). Counts by state.
 */
export async function closeCandidates(
  ledger: Queryable,
  runId: string,
  table: string,
  unasked: readonly RowInconsistencyType[] = [],
): Promise<Closed> {
  await ledger.query(
    `update run_table set settled_at = clock_timestamp()
      where run_id = $1 and table_name = $2 and settled_at is null`,
    [runId, table],
  );
  await ledger.query(
    `update candidate set state = 'unsettled'
      where run_id = $1 and table_name = $2 and (state = 'open' and moving or state in ('open', 'settled') and exists (
              select 1 from run_table t where t.run_id = $1 and t.table_name = $2 and t.unread is not null))`,
    [runId, table],
  );
  await mergeTwins(ledger, runId, table, unasked);
  const unreplayed = await closeUnreplayed(ledger, runId, table);
  const { rows } = await ledger.query<{ state: string; n: string }>(
    'select state, count(*) as n from candidate where run_id = $1 and table_name = $2 and not merged group by state',
    [runId, table],
  );
  const count = (state: string) => Number(rows.find((found) => found.state === state)?.n ?? 0);
  return {
    settled: count('settled') + count('open'),
    transient: count('transient'),
    unsettled: count('unsettled'),
    ...(unreplayed === null ? {} : { unreplayed }),
  };
}

/** What no reading confirmed after a standby had replayed all that it had received when it was seen is unsettled. */
async function closeUnreplayed(ledger: Queryable, runId: string, table: string): Promise<string | null> {
  const { readings, why } = await unconfirmedReadings(ledger, { runId, kind: 'rows', subject: table });
  if (readings.length === 0) return null;
  await ledger.query(
    `update candidate set state = 'unsettled'
      where run_id = $1 and table_name = $2 and state = 'open' and seen = any ($3::int[])`,
    [runId, table, readings],
  );
  const { rows } = await ledger.query<{ n: string }>(
    `select count(*) as n from candidate
      where run_id = $1 and table_name = $2 and state = 'unsettled' and not moving and seen = any ($3::int[])`,
    [runId, table, readings],
  );
  const n = Number(rows[0]?.n ?? 0);
  return n === 0 ? null : `${n} differences are unsettled: ${why ?? 'a standby has not replayed what it had received'}`;
}
