import type { CorrectionStatus } from '../contracts/correction';
import type { Queryable } from '../database/connection';

export interface CorrectionResult {
  readonly seq: string;
  readonly status: CorrectionStatus;
  /** Why it was skipped or failed; may quote the database's message, so it stays in the ledger. */
  readonly error: string | null;
}

/**
 * Writes one entry for each attempted correction, from the frozen plan, and one for each effect of it; an entry that is
 * there already stands. Returns how many were written, by their status.
 */
export async function insertCorrections(
  ledger: Queryable,
  runId: string,
  approver: string | null,
  results: readonly CorrectionResult[],
): Promise<Partial<Record<CorrectionStatus, number>>> {
  if (results.length === 0) return {};
  const { rows } = await ledger.query<{ status: CorrectionStatus; n: string }>(
    `with entered as (
     insert into correction_log (run_id, seq, table_name, operation, record_key, before_data, after_data, status, error,
                                 approver)
     select p.run_id, p.seq, p.table_name, p.operation, p.record_key, p.before_data, p.after_data, r ->> 'status',
            r ->> 'error', case when p.needs_approval then $2::text end
       from jsonb_array_elements($3::jsonb) as t(r)
            cross join lateral (
              select * from plan_item i where i.run_id = $1 and i.seq = (r ->> 'seq')::bigint
              union all select * from plan_item i where i.run_id = $1 and i.effect_of = (r ->> 'seq')::bigint) as p
     on conflict (run_id, seq) do nothing
     returning status)
     select status, count(*) as n from entered group by status`,
    [runId, approver, JSON.stringify(results)],
  );
  return Object.fromEntries(rows.map((row) => [row.status, Number(row.n)]));
}

/** Enters the whole plan as a dry run. */
export async function insertDryRun(ledger: Queryable, runId: string): Promise<number> {
  const { rowCount } = await ledger.query(
    `insert into correction_log (run_id, seq, table_name, operation, record_key, before_data, after_data, status)
     select run_id, seq, table_name, operation, record_key, before_data, after_data, 'DRY_RUN'
       from plan_item where run_id = $1
     on conflict (run_id, seq) do nothing`,
    [runId],
  );
  return rowCount ?? 0;
}

export async function countCorrections(
  ledger: Queryable,
  runId: string,
): Promise<Partial<Record<CorrectionStatus, number>>> {
  const { rows } = await ledger.query<{ status: CorrectionStatus; n: string }>(
    'select status, count(*) as n from correction_log where run_id = $1 group by status order by status',
    [runId],
  );
  return Object.fromEntries(rows.map((row) => [row.status, Number(row.n)]));
}

/** The keys of a table's successful corrections after `afterSeq`, in order. */
export async function nextCorrectedKeys(
  ledger: Queryable,
  runId: string,
  table: string,
  afterSeq: string,
  limit: number,
): Promise<readonly { readonly seq: string; readonly key: Readonly<Record<string, string>> }[]> {
  const { rows } = await ledger.query<{ seq: string; record_key: string }>(
    `select seq, record_key from correction_log
      where run_id = $1 and table_name = $2 and status = 'SUCCESS' and seq > $3 order by seq limit $4`,
    [runId, table, afterSeq, limit],
  );
  return rows.map((row) => ({ seq: row.seq, key: JSON.parse(row.record_key) as Record<string, string> }));
}
