import type { Queryable } from '../database/connection';

/** The `seq` of the next items of a step that were not left out, without effects, whatever became of them. */
export async function nextRoots(
  ledger: Queryable,
  runId: string,
  step: number,
  afterSeq: string,
  limit: number,
): Promise<readonly string[]> {
  const { rows } = await ledger.query<{ seq: string }>(
    `select seq from plan_item
      where run_id = $1 and step = $2 and seq > $3 and effect_of is null and not left_out order by seq limit $4`,
    [runId, step, afterSeq, limit],
  );
  return rows.map((row) => row.seq);
}

/** The tables that a plan changes, without what was left out. */
export async function listPlanTables(ledger: Queryable, runId: string): Promise<readonly string[]> {
  const { rows } = await ledger.query<{ table_name: string }>(
    'select distinct table_name from plan_item where run_id = $1 and not left_out order by table_name',
    [runId],
  );
  return rows.map((row) => row.table_name);
}

const utc = (time: string) => `to_char(${time} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`;

/** When the first and the last finding of a run was entered; null: it has none. */
export async function readFindingTimes(ledger: Queryable, runId: string) {
  const { rows } = await ledger.query<{ earliest: string | null; latest: string | null }>(
    `select ${utc('min(created_at)')} as earliest, ${utc('max(created_at)')} as latest
       from reconciliation_log where run_id = $1`,
    [runId],
  );
  const { earliest = null, latest = null } = rows[0] ?? {};
  return earliest === null || latest === null ? null : { from: earliest, to: latest };
}
