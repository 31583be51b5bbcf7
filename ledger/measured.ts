import type { InconsistencyType, Severity } from '../contracts/finding';
import type { Queryable } from '../database/connection';

/** Findings of one table, type and severity. */
export interface MeasuredFindings {
  readonly table: string;
  readonly type: InconsistencyType;
  readonly severity: Severity;
  readonly n: number;
}

/**
 * Notes as counted the findings of a run that were not yet, of one table or of all (null), and returns how many they are.
 * What is returned is never returned again. What a reviewer decided to keep is not counted.
 */
export async function takeUnmeasuredFindings(
  ledger: Queryable,
  runId: string,
  table: string | null,
): Promise<readonly MeasuredFindings[]> {
  const { rows } = await ledger.query<{
    table_name: string;
    inconsistency_type: InconsistencyType;
    severity: Severity;
    more: string;
  }>(
    `with found as (
       select l.run_id, l.table_name, l.inconsistency_type, l.severity, count(*) as n,
              coalesce(max(m.n), 0) as before
         from reconciliation_log l
              left join measured_finding m using (run_id, table_name, inconsistency_type, severity)
        where l.run_id = $1 and ($2::text is null or l.table_name = $2::text) and l.resolution <> 'KEPT_TARGET'
        group by l.run_id, l.table_name, l.inconsistency_type, l.severity),
     noted as (
       insert into measured_finding as m (run_id, table_name, inconsistency_type, severity, n)
       select run_id, table_name, inconsistency_type, severity, n from found where n > before
       order by table_name, inconsistency_type, severity
       on conflict (run_id, table_name, inconsistency_type, severity) do update
          set n = excluded.n where m.n < excluded.n
       returning m.table_name, m.inconsistency_type, m.severity, m.n)
     select table_name, inconsistency_type, severity, noted.n - found.before as more
       from noted join found using (table_name, inconsistency_type, severity)`,
    [runId, table],
  );
  return rows.map((row) => ({
    table: row.table_name,
    type: row.inconsistency_type,
    severity: row.severity,
    n: Number(row.more),
  }));
}

/**
 * Notes a run that has ended as counted, and returns the seconds from its start to its end, less what it waited for an
 * approval; null: it has not ended, or was counted already.
 */
export async function takeUnmeasuredRun(ledger: Queryable, runId: string): Promise<number | null> {
  const { rows } = await ledger.query<{ seconds: string }>(
    `update run set measured_at = clock_timestamp()
      where run_id = $1 and measured_at is null and ended_at is not null
     returning greatest(0, extract(epoch from ended_at - started_at)
                           - coalesce((phases ->> 'awaiting approval')::numeric, 0) / 1000)::text as seconds`,
    [runId],
  );
  return rows[0] ? Number(rows[0].seconds) : null;
}
