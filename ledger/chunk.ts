import type { Chunk, KeyBound } from '../contracts/chunk';
import type { ErrorCode } from '../contracts/errors';
import type { Queryable } from '../database/connection';

interface ChunkRow {
  chunk_no: string;
  from_key: string | null;
  to_key: string | null;
  low_hint: string | null;
  high_hint: string | null;
}

const bound = (json: string | null) => (json === null ? null : (JSON.parse(json) as KeyBound));

/** Replaces the chunk list of a table, unless comparing has begun. */
export async function replaceChunks(
  ledger: Queryable,
  runId: string,
  table: string,
  chunks: readonly Chunk[],
): Promise<void> {
  await ledger.query('delete from chunk where run_id = $1 and table_name = $2', [runId, table]);
  for (let at = 0; at < chunks.length; at += 5_000) {
    await ledger.query(
      `insert into chunk (run_id, table_name, chunk_no, from_key, to_key, low_hint, high_hint)
       select $1, $2, (c ->> 'no')::int, nullif(c -> 'from', 'null'), nullif(c -> 'to', 'null'),
              nullif(c -> 'low', 'null'), nullif(c -> 'high', 'null')
         from jsonb_array_elements($3::jsonb) as t(c)`,
      [runId, table, JSON.stringify(chunks.slice(at, at + 5_000))],
    );
  }
}

export async function countChunks(ledger: Queryable, runId: string, table: string): Promise<number> {
  const { rows } = await ledger.query<{ n: string }>(
    'select count(*) as n from chunk where run_id = $1 and table_name = $2',
    [runId, table],
  );
  return Number(rows[0]?.n ?? 0);
}

/** Begins the first chunk from number `from` up to, not including, `until` that is not finished; null when none is left. */
export async function beginChunk(
  ledger: Queryable,
  runId: string,
  table: string,
  from: number,
  until: number,
): Promise<Chunk | null> {
  const { rows } = await ledger.query<ChunkRow>(
    `update chunk set attempts = attempts + 1, status = 'planned', error_code = null
      where (run_id, table_name, chunk_no) in (
        select run_id, table_name, chunk_no from chunk
         where run_id = $1 and table_name = $2 and chunk_no >= $3 and chunk_no < $4 and status <> 'done'
         order by chunk_no limit 1)
      returning chunk_no, from_key, to_key, low_hint, high_hint`,
    [runId, table, from, until],
  );
  const row = rows[0];
  if (!row) return null;
  return {
    no: Number(row.chunk_no),
    from: bound(row.from_key),
    to: bound(row.to_key),
    low: bound(row.low_hint),
    high: bound(row.high_hint),
  };
}

export async function finishChunk(
  ledger: Queryable,
  runId: string,
  table: string,
  no: number,
  counts: { readonly rowsSource: number; readonly rowsTarget: number; readonly differing: number },
): Promise<void> {
  await ledger.query(
    `update chunk set status = 'done', rows_source = $4, rows_target = $5, differing = $6,
            compared_at = clock_timestamp()
      where run_id = $1 and table_name = $2 and chunk_no = $3`,
    [runId, table, no, counts.rowsSource, counts.rowsTarget, counts.differing],
  );
}

/** Marks whatever is not finished from `from` up to `until` as failed: those ranges were not compared. */
export async function failChunks(
  ledger: Queryable,
  runId: string,
  table: string,
  from: number,
  until: number,
  code: ErrorCode,
): Promise<void> {
  await ledger.query(
    `update chunk set status = 'failed', error_code = $5
      where run_id = $1 and table_name = $2 and chunk_no >= $3 and chunk_no < $4 and status <> 'done'`,
    [runId, table, from, until, code],
  );
}

export interface ChunkTotals {
  readonly done: number;
  readonly rowsSource: number;
  readonly rowsTarget: number;
  readonly differing: number;
}

/** Sums over the finished chunks of a table, or of a span of them. */
export async function totalChunks(
  ledger: Queryable,
  runId: string,
  table: string,
  from = 0,
  until = 2_147_483_647,
): Promise<ChunkTotals> {
  const { rows } = await ledger.query<Record<'done' | 's' | 't' | 'd', string>>(
    `select count(*) as done, coalesce(sum(rows_source), 0) as s, coalesce(sum(rows_target), 0) as t,
            coalesce(sum(differing), 0) as d
       from chunk
      where run_id = $1 and table_name = $2 and chunk_no >= $3 and chunk_no < $4 and status = 'done'`,
    [runId, table, from, until],
  );
  const row = rows[0];
  return {
    done: Number(row?.done ?? 0),
    rowsSource: Number(row?.s ?? 0),
    rowsTarget: Number(row?.t ?? 0),
    differing: Number(row?.d ?? 0),
  };
}

/** The ranges that were not compared, in order; at most a thousand of them. */
export async function listFailedChunks(
  ledger: Queryable,
  runId: string,
  table: string,
): Promise<readonly { readonly no: number; readonly code: string }[]> {
  const { rows } = await ledger.query<{ chunk_no: string; error_code: string | null }>(
    `select chunk_no, error_code from chunk
      where run_id = $1 and table_name = $2 and status <> 'done' order by chunk_no limit 1000`,
    [runId, table],
  );
  return rows.map((row) => ({ no: Number(row.chunk_no), code: row.error_code ?? 'INTERNAL' }));
}
