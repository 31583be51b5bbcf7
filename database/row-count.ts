import type { Queryable } from './connection';

/**
 * How many rows of a relation a filter lets through, counted no further than `most`.
 *
 * @param relation quoted. @param filter SQL.
 */
export async function countUpTo(session: Queryable, relation: string, filter: string, most: number): Promise<number> {
  const { rows } = await session.query<{ n: string }>(
    `select count(*) as n from (select 1 from ${relation} where ${filter} limit $1::bigint) as counted`,
    [most],
  );
  return Number(rows[0]?.n ?? 0);
}
