import type { BeforeImage } from '../contracts/before-image';
import type { Operation } from '../contracts/correction';
import type { TextRow } from '../contracts/finding';
import type { Queryable } from '../database/connection';
import { quoteQualified } from '../database/identifier';

export interface StoredBeforeImage extends BeforeImage {
  readonly table: string;
}

export async function insertBeforeImages(
  target: Queryable,
  schema: string,
  run: { readonly runId: string; readonly table: string; readonly relation: string },
  images: readonly BeforeImage[],
): Promise<void> {
  await target.query(
    `insert into ${quoteQualified(schema, 'before_image')}
            (run_id, seq, table_name, relation, operation, record_key, before_row, after_row)
     select $1, (i ->> 'seq')::bigint, $2, $3, i ->> 'operation', i -> 'key', nullif(i -> 'before', 'null'),
            nullif(i -> 'after', 'null')
       from jsonb_array_elements($4::jsonb) as t(i)`,
    [run.runId, run.table, run.relation, JSON.stringify(images)],
  );
}

/** Which of these corrections were done already: their markers are there. */
export async function listMarkers(
  target: Queryable,
  schema: string,
  runId: string,
  seqs: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await target.query<{ seq: string }>(
    `select seq from ${quoteQualified(schema, 'before_image')} where run_id = $1 and seq = any ($2::bigint[])`,
    [runId, seqs],
  );
  return new Set(rows.map((row) => row.seq));
}

/** Which before-images of a run: of these tables, with these numbers; null: of all. */
export interface ImageFilter {
  readonly tables: readonly string[] | null;
  readonly seqs: readonly string[] | null;
}

/** The before-images of a run from the highest sequence number down, below `belowSeq`. */
export async function previousBeforeImages(
  target: Queryable,
  schema: string,
  runId: string,
  belowSeq: string,
  limit: number,
  filter: ImageFilter = { tables: null, seqs: null },
): Promise<readonly StoredBeforeImage[]> {
  const { rows } = await target.query<{
    seq: string;
    table_name: string;
    operation: Operation;
    record_key: string;
    before_row: string | null;
    after_row: string | null;
  }>(
    `select seq, table_name, operation, record_key, before_row, after_row
       from ${quoteQualified(schema, 'before_image')}
      where run_id = $1 and seq < $2::bigint and ($4::text[] is null or table_name = any ($4::text[]))
        and ($5::bigint[] is null or seq = any ($5::bigint[]))
      order by seq desc limit $3`,
    [runId, belowSeq, limit, filter.tables, filter.seqs],
  );
  const parse = (json: string | null) => (json === null ? null : (JSON.parse(json) as TextRow));
  return rows.map((row) => ({
    seq: row.seq,
    table: row.table_name,
    operation: row.operation,
    key: JSON.parse(row.record_key) as TextRow,
    before: parse(row.before_row),
    after: parse(row.after_row),
  }));
}

/** The tables of which a run has before-images, by name. */
export async function listImageTables(target: Queryable, schema: string, runId: string): Promise<readonly string[]> {
  const { rows } = await target.query<{ table_name: string }>(
    `select distinct table_name from ${quoteQualified(schema, 'before_image')} where run_id = $1 order by table_name`,
    [runId],
  );
  return rows.map((row) => row.table_name);
}

/** Whether before-images were ever kept in this schema. */
export async function keepsImages(target: Queryable, schema: string): Promise<boolean> {
  const { rows } = await target.query<{ kept: string }>('select to_regclass($1) is not null as kept', [
    quoteQualified(schema, 'before_image'),
  ]);
  return rows[0]?.kept === 't';
}

/** How much the before-images of some runs take, by table. */
export async function measureImages(
  target: Queryable,
  schema: string,
  runIds: readonly string[],
): Promise<readonly { readonly table: string; readonly rows: number; readonly bytes: number }[]> {
  const { rows } = await target.query<Record<'table_name' | 'n' | 'bytes', string>>(
    `select table_name, count(*) as n, sum(pg_column_size(b.*)) as bytes
       from ${quoteQualified(schema, 'before_image')} b
      where run_id = any ($1::text[]) group by table_name order by table_name`,
    [runIds],
  );
  return rows.map((row) => ({ table: row.table_name, rows: Number(row.n), bytes: Number(row.bytes) }));
}

/** Drops at most `limit` before-images of a run; returns how many: 0 when none is left. */
export async function deleteImages(target: Queryable, schema: string, runId: string, limit: number): Promise<number> {
  const images = quoteQualified(schema, 'before_image');
  const { rowCount } = await target.query(
    `delete from ${images}
      where run_id = $1
        and seq = any (array(select seq from ${images} where run_id = $1 order by seq limit $2))`,
    [runId, limit],
  );
  return rowCount ?? 0;
}
