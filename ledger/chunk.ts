import type { Chunk, ChunkKind, KeyBound } from '../contracts/chunk';
import type { ErrorCode } from '../contracts/errors';
import type { Queryable } from '../database/connection';

interface ChunkRow {
  chunk_no: string;
  kind: ChunkKind;
  slices: string | null;
  from_key: string | null;
  to_key: string | null;
  low_hint: string | null;
  high_hint: string | null;
  keys: string | null;
}

const bound = (json: string | null) => (json === null ? null : (JSON.parse(json) as KeyBound));

/**
 * Enters the chunk list of a table, whole or not at all: to be called within a transaction. Where there is a list
 * already, of another attempt that planned, that one stands. Returns how many chunks the table has.
 */
export async function insertChunks(
  session: Queryable,
  runId: string,
  table: string,
  chunks: Iterable<Chunk> | AsyncIterable<Chunk>,
): Promise<number> {
  // Whoever plans the same table waits here, and then finds this list.
  await session.query('select 1 from run_table where run_id = $1 and table_name = $2 for no key update', [
    runId,
    table,
  ]);
  const known = await countChunks(session, runId, table);
  if (known > 0) return known;
  let [count, held] = [0, 0];
  let some: Chunk[] = [];
  for await (const chunk of chunks) {
    some.push(chunk);
    count += 1;
    held += 1 + (chunk.keys?.length ?? 0);
    if (held < ENTERED_AT_ONCE) continue;
    await enterChunks(session, runId, table, some);
    [some, held] = [[], 0];
  }
  await enterChunks(session, runId, table, some);
  return count;
}

/** Chunks, and keys in them, that are entered with one statement. */
const ENTERED_AT_ONCE = 5_000;

async function enterChunks(session: Queryable, runId: string, table: string, chunks: readonly Chunk[]): Promise<void> {
  if (chunks.length === 0) return;
  await session.query(
    `insert into chunk (run_id, table_name, chunk_no, kind, slices, from_key, to_key, low_hint, high_hint, keys)
     select $1, $2, (c ->> 'no')::int, c ->> 'kind', (c ->> 'slices')::int,
            nullif(c -> 'from', 'null'), nullif(c -> 'to', 'null'),
            nullif(c -> 'low', 'null'), nullif(c -> 'high', 'null'), c -> 'keys'
       from jsonb_array_elements($3::jsonb) as t(c)`,
    [runId, table, JSON.stringify(chunks)],
  );
}

export async function countChunks(ledger: Queryable, runId: string, table: string): Promise<number> {
  const { rows } = await ledger.query<{ n: string }>(
    'select count(*) as n from chunk where run_id = $1 and table_name = $2',
    [runId, table],
  );
  return Number(rows[0]?.n ?? 0);
}

/**
 * A chunk as it was begun for the `attempt`-th time. An attempt that was given up may still be at work when the chunk
 * is begun again: only what comes with the newest number is taken, or it would change what the newer one found.
 */
export interface BegunChunk extends Chunk {
  readonly attempt: number;
}

/**
 * Begins the first chunk from number `from` up to, not including, `until` that is neither finished nor failed; null
 * when none is left.
 */
export async function beginChunk(
  ledger: Queryable,
  runId: string,
  table: string,
  from: number,
  until: number,
): Promise<BegunChunk | null> {
  const { rows } = await ledger.query<ChunkRow & { attempts: string }>(
    `with next as materialized (
       select chunk_no as no from chunk
        where run_id = $1 and table_name = $2 and chunk_no >= $3 and chunk_no < $4 and status = 'planned'
        order by chunk_no limit 1 for update)
     update chunk set attempts = attempts + 1
       from next
      where run_id = $1 and table_name = $2 and chunk_no = next.no
      returning chunk_no, kind, slices, from_key, to_key, low_hint, high_hint, keys, attempts`,
    [runId, table, from, until],
  );
  const row = rows[0];
  if (!row) return null;
  return {
    no: Number(row.chunk_no),
    kind: row.kind,
    slices: row.slices === null ? null : Number(row.slices),
    from: bound(row.from_key),
    to: bound(row.to_key),
    low: bound(row.low_hint),
    high: bound(row.high_hint),
    ...(row.keys === null ? {} : { keys: JSON.parse(row.keys) as KeyBound[] }),
    attempt: Number(row.attempts),
  };
}

/** Whether the rows of the whole table were counted, as no key told them apart. */
export async function isCounted(ledger: Queryable, runId: string, table: string): Promise<boolean> {
  const { rows } = await ledger.query(
    `select 1 from chunk where run_id = $1 and table_name = $2 and kind = 'multiset' limit 1`,
    [runId, table],
  );
  return rows.length > 0;
}

/** Marks a chunk as compared; false, and nothing is marked, when it was begun again or given up since. */
export async function finishChunk(
  ledger: Queryable,
  runId: string,
  table: string,
  { no, attempt }: Pick<BegunChunk, 'no' | 'attempt'>,
  counts: { readonly rowsSource: number; readonly rowsTarget: number; readonly differing: number },
): Promise<boolean> {
  const { rows } = await ledger.query(
    `update chunk set status = 'done', rows_source = $5, rows_target = $6, differing = $7,
            compared_at = clock_timestamp()
      where run_id = $1 and table_name = $2 and chunk_no = $3 and attempts = $4 and status = 'planned'
      returning chunk_no`,
    [runId, table, no, attempt, counts.rowsSource, counts.rowsTarget, counts.differing],
  );
  return rows.length > 0;
}

/** Marks whatever is not finished from `from` up to `until` as failed: it was not compared, and is not begun again. */
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
      where run_id = $1 and table_name = $2 and chunk_no >= $3 and chunk_no < $4 and status = 'planned'`,
    [runId, table, from, until, code],
  );
}

export interface ChunkTotals {
  readonly done: number;
  readonly rowsSource: number;
  readonly rowsTarget: number;
  readonly differing: number;
}

/** How many keys were chosen to be compared. */
export async function countKeys(ledger: Queryable, runId: string, table: string): Promise<number> {
  const { rows } = await ledger.query<{ n: string }>(
    `select coalesce(sum(jsonb_array_length(keys)), 0) as n from chunk
      where run_id = $1 and table_name = $2 and kind = 'keys'`,
    [runId, table],
  );
  return Number(rows[0]?.n ?? 0);
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
