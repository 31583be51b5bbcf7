import type { ChangeTime } from '../contracts/comparison';
import type { TextRow } from '../contracts/finding';
import type { Queryable } from '../database/connection';
import type { Times } from './rows-compared';

/** The key of a comparison, in SQL. */
const keyOf = (comparison: string) =>
  `(select jsonb_agg(jsonb_build_array(k -> 'source', k -> 'target', k -> 'type') order by n)
      from jsonb_array_elements(${comparison} -> 'key') with ordinality as e(k, n))`;

/** What has to be as it was for an earlier comparison to stand for rows that did not change since, in SQL. */
const basisOf = (comparison: string) => `jsonb_build_array(
    ${comparison} #> '{pair,source}', ${comparison} #> '{pair,target}', ${comparison} #> '{pair,where}',
    ${comparison} #> '{pair,updatedAt}', ${comparison} -> 'keyNullable', ${keyOf(comparison)},
    (select jsonb_object_agg(c ->> 'source', jsonb_build_array(c -> 'target', c -> 'type', c -> 'castTo', c -> 'equivalence'))
       from jsonb_array_elements(${comparison} -> 'columns') as e(c)))`;

/**
 * CTEs for the table $2 of the run $1: `this`, `mark` (the run that moved its watermark last) and `written`: what runs that
 * applied since have planned for its target, under any name.
 */
const MARK = `this as (select table_name, comparison from run_table where run_id = $1 and table_name = $2),
     mark as (
       select w.run_id, w.comparison, w.began_at, m.watermark::timestamptz as source, m.watermark_target::timestamptz as target
         from reconciliation_metadata m join run_table w on w.run_id = m.watermark_run_id and w.table_name = m.table_name
        where m.table_name = $2 and m.watermark is not null and m.watermark_target is not null and w.began_at is not null),
     written as (
       select n.run_id, n.table_name, n.comparison
         from this, mark, run r,
              lateral (select run_id, table_name, comparison from run_table x where x.run_id = r.run_id
                       union all
                       select run_id, table_name, comparison from plan_table x where x.run_id = r.run_id) as n
        where r.apply and (r.ended_at is null or r.ended_at >= mark.began_at)
          and n.comparison #> '{pair,target}' = this.comparison #> '{pair,target}')`;

/** From where on a table is compared incrementally; or why all of it has to be. */
export type Basis =
  | { readonly kind: 'since'; readonly since: Times }
  | { readonly kind: 'none' | 'other comparison' | 'ahead' | 'purged' | 'written otherwise' };

/**
 * From where on the table of a run is to be compared, which began when the sides' clocks were at `began`. The target's
 * column may hold the time of either side, as rows are copied with it: it is read from the earlier of both watermarks on.
 */
export async function readBasis(
  ledger: Queryable,
  runId: string,
  table: string,
  began: Times,
  { source, target }: ChangeTime,
): Promise<Basis> {
  const utc = (time: string) => `to_char((${time}) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')`;
  const { rows } = await ledger.query<Record<'same' | 'ahead' | 'purged' | 'otherwise' | 'source' | 'target', string>>(
    `with ${MARK}
     select ${basisOf('this.comparison')} = ${basisOf('mark.comparison')} as same,
            mark.source > $3::timestamptz or mark.target > $4::timestamptz as ahead,
            exists (select 1 from purge_run q join purge using (purge_id)
                     where purge.findings and q.run_id in (select mark.run_id union all select w.run_id from written w)) as purged,
            exists (select 1 from written w
                     where ${keyOf('w.comparison')} is distinct from ${keyOf('this.comparison')}
                       and exists (select 1 from plan_item p where p.run_id = w.run_id and p.table_name = w.table_name)) as otherwise,
            ${utc(`mark.source - $5::float8 * interval '1 millisecond'`)} as source,
            ${utc(`least(mark.source, mark.target) - $6::float8 * interval '1 millisecond'`)} as target
       from this, mark`,
    [runId, table, `${began.source}+00`, `${began.target}+00`, source.overlapMs, target.overlapMs],
  );
  const row = rows[0];
  if (!row) return { kind: 'none' };
  if (row.same !== 't') return { kind: 'other comparison' };
  if (row.ahead === 't') return { kind: 'ahead' };
  if (row.purged === 't') return { kind: 'purged' };
  if (row.otherwise === 't') return { kind: 'written otherwise' };
  return { kind: 'since', since: { source: row.source, target: row.target } };
}

const PAGE = 1_000;

/**
 * The keys of all rows that may differ though they did not change since the watermark: those that the run which moved it
 * left different or unsettled, and those that any run has written since, as an undo gives a row its old time back. Each
 * once, a page at a time, in one snapshot: to be called within a transaction.
 */
export async function* streamOpenKeys(
  session: Queryable,
  runId: string,
  table: string,
): AsyncGenerator<readonly TextRow[]> {
  await session.query(
    `declare open_keys no scroll cursor for
     with ${MARK}
     select distinct record_key
       from (select c.record_key from mark join candidate c on c.run_id = mark.run_id and c.table_name = $2
              where c.state <> 'transient' and c.counts is null
             union all
             select p.record_key from written w join plan_item p using (run_id, table_name)) as open`,
    [runId, table],
  );
  for (;;) {
    const { rows } = await session.query<{ record_key: string }>(`fetch ${PAGE} from open_keys`);
    if (rows.length > 0) yield rows.map((row) => JSON.parse(row.record_key) as TextRow);
    if (rows.length < PAGE) return;
  }
}

/**
 * Moves the watermarks of the tables that a run compared to their end: to where the clocks were before it read anything.
 * One that a run which began later has moved stays.
 */
export async function moveWatermarks(session: Queryable, runId: string): Promise<void> {
  await session.query(
    `insert into reconciliation_metadata as m (table_name, watermark, watermark_target, watermark_run_id)
     select table_name, began_source::text, began_target::text, run_id from run_table
      where run_id = $1 and status in ('consistent', 'inconsistent') and rows_compared in ('all', 'changed')
        and began_source is not null and began_target is not null
      order by table_name
     on conflict (table_name) do update
        set watermark = excluded.watermark, watermark_target = excluded.watermark_target,
            watermark_run_id = excluded.watermark_run_id
      where not exists (select 1 from run_table later join run_table this on this.run_id = excluded.watermark_run_id
                                                                        and this.table_name = excluded.table_name
                         where later.run_id = m.watermark_run_id and later.table_name = m.table_name
                           and later.began_at > this.began_at)`,
    [runId],
  );
}
