import type { Queryable } from '../database/connection';

/** How far the two sides of a table were apart when they were last compared as a whole. */
export interface Drift {
  readonly table: string;
  readonly runId: string;
  readonly differingRows: number;
  readonly sourceRows: number;
}

/**
 * Enters how far a table is apart by a comparison of all its rows that came to its end; any other changes nothing. Rows that
 * were still moving differ, those that a reviewer decided to keep do not, and of rows that are equal each counts.
 */
export async function enterDrift(ledger: Queryable, runId: string, table: string): Promise<void> {
  await ledger.query(
    `insert into table_drift as d (table_name, run_id, differing_rows, source_rows, compared_at)
     select t.table_name, t.run_id,
            t.unsettled + (
              select coalesce(sum(coalesce(
                       abs((l.counts ->> 'source')::bigint - (l.counts ->> 'target')::bigint), 1)), 0)::bigint
                from reconciliation_log l
               where l.run_id = t.run_id and l.table_name = t.table_name and l.resolution <> 'KEPT_TARGET'
                 and l.inconsistency_type in ('missing_in_target', 'extra_in_target', 'field_mismatch')),
            t.rows_source, clock_timestamp()
       from run_table t join run r using (run_id)
      where t.run_id = $1 and t.table_name = $2 and t.phase = 'done' and t.status in ('consistent', 'inconsistent')
        and coalesce(t.rows_compared, case r.mode when 'full' then 'all' end) = 'all'
     on conflict (table_name) do update
        set run_id = excluded.run_id, differing_rows = excluded.differing_rows, source_rows = excluded.source_rows,
            compared_at = excluded.compared_at
      where d.compared_at <= excluded.compared_at`,
    [runId, table],
  );
}

export async function listDrift(ledger: Queryable): Promise<readonly Drift[]> {
  const { rows } = await ledger.query<{
    table_name: string;
    run_id: string;
    differing_rows: string;
    source_rows: string;
  }>('select table_name, run_id, differing_rows, source_rows from table_drift order by table_name');
  return rows.map((row) => ({
    table: row.table_name,
    runId: row.run_id,
    differingRows: Number(row.differing_rows),
    sourceRows: Number(row.source_rows),
  }));
}

/**
 * Differing rows in percent of the rows of the source. More than 100 where the target has more that is extra; of an empty
 * source 0 where nothing differs, else 100.
 */
export function driftPercentage({ differingRows, sourceRows }: Pick<Drift, 'differingRows' | 'sourceRows'>): number {
  if (sourceRows === 0) return differingRows === 0 ? 0 : 100;
  return (differingRows / sourceRows) * 100;
}
