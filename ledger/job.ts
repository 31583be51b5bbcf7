import type { OpenFindings } from '../contracts/job';
import type { Queryable } from '../database/connection';
import { IS_LEFT } from './finding';
import { REMAINING } from './remaining';

/** What `job_history` says of a run. */
export interface JobLine {
  readonly runId: string;
  readonly status: string;
  readonly issuesFound: number;
  readonly corrections: number;
  readonly queued: number;
  /** What the run left different when it ended; so far, while it goes on. */
  readonly remaining: number;
}

/**
 * Brings the line of a run in `job_history` up to what the ledger holds of it now. A run has one from its start on, under
 * the scheduled job that it is of, or else under its kind.
 */
export async function writeJobLine(ledger: Queryable, runId: string): Promise<void> {
  await ledger.query(
    `insert into job_history (run_id, job_type, started_at, ended_at, status, issues_found, corrections, queued, remaining,
                              error)
     select run_id, coalesce(config ->> 'job', kind), started_at, ended_at, status,
            (select count(*) from reconciliation_log l where l.run_id = r.run_id),
            (select count(*) from correction_log c where c.run_id = r.run_id and c.status = 'SUCCESS'),
            (select count(*) from reconciliation_log l where l.run_id = r.run_id and l.resolution = 'IN_REVIEW'),
            ${REMAINING}, error_message
       from run r where run_id = $1
     on conflict (run_id) do update
        set ended_at = excluded.ended_at, status = excluded.status, issues_found = excluded.issues_found,
            corrections = excluded.corrections, queued = excluded.queued, remaining = excluded.remaining, error = excluded.error`,
    [runId],
  );
}

/** The line of the newest run of a workflow; null: it was never entered. */
export async function readJobLine(ledger: Queryable, workflowId: string): Promise<JobLine | null> {
  const { rows } = await ledger.query<
    Record<'run_id' | 'status' | 'issues_found' | 'corrections' | 'queued', string> & {
      readonly remaining: string | null;
    }
  >(
    `select j.run_id, j.status, j.issues_found, j.corrections, j.queued, j.remaining from job_history j join run r using (run_id)
      where r.workflow_id = $1 order by r.started_at desc limit 1`,
    [workflowId],
  );
  const row = rows[0];
  if (!row) return null;
  const [issuesFound, corrections, queued] = [row.issues_found, row.corrections, row.queued].map(Number);
  return {
    runId: row.run_id,
    status: row.status,
    issuesFound: issuesFound ?? 0,
    corrections: corrections ?? 0,
    queued: queued ?? 0,
    remaining: Number(row.remaining ?? 0),
  };
}

/** Findings of high and critical severity that a run leaves, by table and type. */
export async function listHighOpen(ledger: Queryable, runId: string): Promise<readonly OpenFindings[]> {
  const { rows } = await ledger.query<{ table: string; type: string; severity: string; n: string }>(
    `select table_name as table, inconsistency_type as type, severity, count(*) as n from reconciliation_log
      where run_id = $1 and severity in ('high', 'critical')
        and ${IS_LEFT}
      group by table_name, inconsistency_type, severity order by n desc, table_name, inconsistency_type, severity`,
    [runId],
  );
  return rows.map(({ table, type, severity, n }) => ({ table, type, severity, count: Number(n) }));
}
