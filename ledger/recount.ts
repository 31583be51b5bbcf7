import type { Chunk } from '../contracts/chunk';
import type { Difference } from '../contracts/difference';
import type { Queryable } from '../database/connection';
import { SETTLING } from './candidate';

/** The chunks of a table whose rows no key tells apart, and that have candidates still open. */
export async function listOpenCountedChunks(
  ledger: Queryable,
  runId: string,
  table: string,
): Promise<readonly Chunk[]> {
  const { rows } = await ledger.query<{ chunk_no: string; kind: Chunk['kind']; slices: string | null }>(
    `select chunk_no, kind, slices from chunk c
      where run_id = $1 and table_name = $2 and kind in ('nulls', 'multiset')
        and exists (select 1 from candidate d
                     where d.run_id = c.run_id and d.table_name = c.table_name and d.chunk_no = c.chunk_no
                       and d.state = 'open')
      order by chunk_no`,
    [runId, table],
  );
  return rows.map((row) => ({
    no: Number(row.chunk_no),
    kind: row.kind,
    from: null,
    to: null,
    low: null,
    high: null,
    slices: row.slices === null ? null : Number(row.slices),
  }));
}

/**
 * Records what counting equal rows again came to, for the rows that differ now; those that were no candidates are left
 * out. The first reading that comes for an attempt stands.
 */
export async function recordCounts(
  ledger: Queryable,
  runId: string,
  table: string,
  attempt: number,
  differences: readonly Difference[],
): Promise<void> {
  await ledger.query(
    `with ${SETTLING}
     update candidate
        set attempts = $3, moving = counts is distinct from d -> 'counts',
            seen = case when counts is distinct from d -> 'counts' then $3 else seen end, counts = d -> 'counts',
            inconsistency_type = d ->> 'type', source_data = nullif(d -> 'source', 'null'),
            target_data = nullif(d -> 'target', 'null')
       from jsonb_array_elements($4::jsonb) as t(d)
      where run_id = $1 and table_name = $2 and key_digest = decode(d ->> 'keyDigest', 'hex')
        and state = 'open' and attempts < $3 and counts is not null and exists (select 1 from settling)`,
    [runId, table, attempt, JSON.stringify(differences)],
  );
}

/** After all rows were counted again: of what was not recorded as differing, both sides have equally many now. */
export async function closeRecount(
  ledger: Queryable,
  runId: string,
  table: string,
  chunkNo: number,
  attempt: number,
): Promise<void> {
  await ledger.query(
    `with ${SETTLING}
     update candidate set attempts = $4, state = 'transient', moving = false
      where run_id = $1 and table_name = $2 and chunk_no = $3 and state = 'open' and attempts < $4
        and counts is not null and exists (select 1 from settling)`,
    [runId, table, chunkNo, attempt],
  );
}
