import type { KeyBound } from '../contracts/chunk';
import type { Queryable } from '../database/connection';
import { boundOf, keyColumns, orderBy, Parameters } from './range';
import type { Side } from './side';

/** Rows of the sample that a chunk is to be measured by. They come in whole blocks, so its size scatters. */
const ROWS_OF_CHUNK = 2_000;
/** Percent of the blocks read at the most. */
const MOST_PERCENT = 10;
/** Smaller tables are walked: that takes no longer, and is exact. */
const FEWEST_ROWS = 200_000;
const FEWEST_CHUNKS = 8;

/** Whether a table of about so many rows is better cut by a sample than by walking its key. */
export function isWorthSampling(rows: number, chunkRows: number): boolean {
  return rows >= FEWEST_ROWS && rows >= FEWEST_CHUNKS * chunkRows;
}

/**
 * Whether PostgreSQL takes samples of a relation: of tables, partitioned ones too, and materialized views, where nothing
 * that belongs to them lies on a foreign server.
 */
export async function isSampled(session: Queryable, side: Side): Promise<boolean> {
  const { rows } = await session.query<{ kinds: string }>(
    `with recursive part as (
       select $1::regclass::oid as oid
       union all select i.inhrelid from pg_inherits i join part on i.inhparent = part.oid)
     select string_agg(c.relkind::text, '') as kinds from part join pg_class c using (oid)`,
    [side.relation],
  );
  return /^[rpm]+$/.test(rows[0]?.kinds ?? '');
}

/**
 * Keys about `chunkRows` rows apart, from a sample of the table's blocks: a small part of an index-only scan. How large
 * the chunks come out is a matter of chance; that they hold every row is not, as the bounds are any keys in order.
 */
export async function sampleBoundaries(
  session: Queryable,
  side: Side,
  chunkRows: number,
): Promise<readonly KeyBound[]> {
  const percent = Math.min(MOST_PERCENT, (100 * ROWS_OF_CHUNK) / chunkRows);
  const parameters = new Parameters();
  const step = parameters.add(String(Math.max(1, Math.round((chunkRows * percent) / 100))), 'bigint');
  const { rows } = await session.query<Record<string, string>>(
    `select * from (select ${keyColumns(side)}, row_number() over (order by ${orderBy(side)}) as "trueup:n"
                      from ${side.relation} tablesample system (${percent}) repeatable (0) where ${side.filter}) as sampled
      where "trueup:n" % ${step} = 0 order by "trueup:n"`,
    parameters.values,
  );
  return rows.map((row) => boundOf(side, row));
}
