import type { CorrectionStatus, Operation } from '../contracts/correction';
import type { InconsistencyType, Severity } from '../contracts/finding';
import type { AutoCorrection, CorrectionTally, FindingTally, JobLine } from '../contracts/report';
import type { RunStatus } from '../contracts/run';
import type { Queryable } from '../database/connection';
import { ANSWERED } from './finding';
import { isoTime } from './review';

/** Which runs are looked at: one, or those that began on a day, `YYYY-MM-DD` in UTC. */
export type TallyScope = { readonly runId: string } | { readonly date: string };

/** Which of `r` or of what else has a `run_id` and a `started_at`, as SQL; its parameters are those of {@link scoped}. */
const IN_SCOPE = (alias: string) => `($1::text is null or ${alias}.run_id = $1::text)
  and ($2::date is null or (${alias}.started_at >= $2::date::timestamp at time zone 'UTC'
                            and ${alias}.started_at < ($2::date + 1)::timestamp at time zone 'UTC'))`;

const scoped = (scope: TallyScope): readonly unknown[] => ('runId' in scope ? [scope.runId, null] : [null, scope.date]);

export async function tallyFindings(ledger: Queryable, scope: TallyScope): Promise<readonly FindingTally[]> {
  const { rows } = await ledger.query<
    Record<'table_name' | 'n' | 'corrected' | 'in_review' | 'kept', string> & {
      inconsistency_type: InconsistencyType;
      severity: Severity;
    }
  >(
    `select l.table_name, l.inconsistency_type, l.severity, count(*) as n,
            count(*) filter (where l.resolution in ('AUTO_CORRECTED', 'APPROVED_CORRECTED')) as corrected,
            count(*) filter (where l.resolution = 'IN_REVIEW') as in_review,
            count(*) filter (where l.resolution = 'KEPT_TARGET') as kept
       from run r join reconciliation_log l using (run_id)
      where ${IN_SCOPE('r')}
      group by l.table_name, l.inconsistency_type, l.severity
      order by l.table_name, l.inconsistency_type,
               array_position(array['critical', 'high', 'medium', 'low'], l.severity)`,
    scoped(scope),
  );
  return rows.map((row) => ({
    table: row.table_name,
    type: row.inconsistency_type,
    severity: row.severity,
    findings: Number(row.n),
    corrected: Number(row.corrected),
    inReview: Number(row.in_review),
    kept: Number(row.kept),
  }));
}

/** An entry with an approver needed an approval; whoever undoes a run, or resolves a review, has asked for what it does. */
export async function tallyCorrections(ledger: Queryable, scope: TallyScope): Promise<readonly CorrectionTally[]> {
  const { rows } = await ledger.query<
    Record<'table_name' | 'automatic' | 'n', string> & { operation: Operation; status: CorrectionStatus }
  >(
    `select c.table_name, c.operation, c.status,
            c.status = 'SUCCESS' and c.approver is null and r.kind = 'reconcile' as automatic, count(*) as n
       from run r join correction_log c using (run_id)
      where ${IN_SCOPE('r')}
      group by 1, 2, 3, 4 order by 1, 2, 3, 4`,
    scoped(scope),
  );
  return rows.map((row) => ({
    table: row.table_name,
    operation: row.operation,
    status: row.status,
    automatic: row.automatic === 't',
    corrections: Number(row.n),
  }));
}

/**
 * Findings of the types that rows have, and those of them whose correction was made and needed no approval, as SQL. Of those
 * that were taken back the plan knows; to look there for each finding would take its time.
 */
export const ROW_FINDINGS = `select l.run_id, r.started_at, l.resolution = 'AUTO_CORRECTED'
              or (l.resolution = 'UNDONE' and exists (
                    select 1 from plan_item p join correction_log c on c.run_id = p.run_id and c.seq = p.seq
                     where p.run_id = l.run_id and ${ANSWERED} and not p.needs_approval and c.status = 'SUCCESS')) as automatic
         from run r join reconciliation_log l using (run_id)
        where l.inconsistency_type in ('missing_in_target', 'extra_in_target', 'field_mismatch')`;

export async function tallyAutoCorrection(ledger: Queryable, scope: TallyScope): Promise<AutoCorrection> {
  const { rows } = await ledger.query<{ n: string; automatic: string }>(
    `select count(*) as n, count(*) filter (where automatic) as automatic
       from (${ROW_FINDINGS} and ${IN_SCOPE('r')}) as f`,
    scoped(scope),
  );
  return autoCorrection(Number(rows[0]?.n ?? 0), Number(rows[0]?.automatic ?? 0));
}

export function autoCorrection(rowFindings: number, corrected: number): AutoCorrection {
  return { rowFindings, corrected, rate: rowFindings === 0 ? null : corrected / rowFindings };
}

export async function tallyRuns(ledger: Queryable, scope: TallyScope): Promise<Partial<Record<RunStatus, number>>> {
  const { rows } = await ledger.query<{ status: RunStatus; n: string }>(
    `select status, count(*) as n from run r where ${IN_SCOPE('r')} group by status order by status`,
    scoped(scope),
  );
  return Object.fromEntries(rows.map(({ status, n }) => [status, Number(n)]));
}

const MOST_JOBS = 1_000;

/** The newest jobs first, and how many more there are. */
export async function listJobs(
  ledger: Queryable,
  scope: TallyScope,
): Promise<{ readonly jobs: readonly JobLine[]; readonly leftOut: number }> {
  const { rows } = await ledger.query<
    Record<'run_id' | 'job_type' | 'started_at' | 'status' | 'issues_found' | 'corrections' | 'queued' | 'n', string> &
      Record<'ended_at' | 'remaining' | 'error', string | null>
  >(
    `select run_id, job_type, ${isoTime('started_at')} as started_at, ${isoTime('ended_at')} as ended_at, status,
            issues_found, corrections, queued, remaining, error, count(*) over () as n
       from job_history j where ${IN_SCOPE('j')} order by j.started_at desc, id desc limit ${MOST_JOBS}`,
    scoped(scope),
  );
  const jobs = rows.map((row) => ({
    runId: row.run_id,
    jobType: row.job_type,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    status: row.status,
    issuesFound: Number(row.issues_found),
    corrections: Number(row.corrections),
    queued: Number(row.queued),
    remaining: row.remaining === null ? null : Number(row.remaining),
    error: row.error,
  }));
  return { jobs, leftOut: Number(rows[0]?.n ?? 0) - jobs.length };
}

/** Runs whose findings were purged, as a whole or in part. */
export async function countPurgedRuns(ledger: Queryable, scope: TallyScope): Promise<number> {
  const { rows } = await ledger.query<{ n: string }>(
    `select count(*) as n from run r
      where ${IN_SCOPE('r')}
        and exists (select 1 from purge_run d join purge p using (purge_id) where d.run_id = r.run_id and p.findings)`,
    scoped(scope),
  );
  return Number(rows[0]?.n ?? 0);
}
