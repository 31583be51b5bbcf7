import type { CheckRef } from '../contracts/check';
import type { ColumnDifference } from '../contracts/difference';
import type { Finding, InconsistencyType, Resolution, Severity, TextRow } from '../contracts/finding';
import type { FindingCounts } from '../contracts/run';
import type { Queryable } from '../database/connection';
import { TAKEN } from './undone';

/** SQL for whether a finding leaves a difference in the target: it was not corrected, and is not kept on purpose. */
export const IS_LEFT = `resolution not in ('AUTO_CORRECTED', 'APPROVED_CORRECTED', 'KEPT_TARGET')`;

/** NULL for a row that has a key. */
const COUNTED = `(c.counts ->> 'source') || case c.counts ->> 'source' when '1' then ' row' else ' equal rows' end ||
  ' in the source, ' || (c.counts ->> 'target') || ' in the target'`;

/**
 * Makes findings of the candidates that have settled: those that still differ, and stood still when they were read last.
 * Running it again adds none.
 */
export async function insertSettledFindings(ledger: Queryable, runId: string, table: string): Promise<void> {
  await ledger.query(
    `insert into reconciliation_log (run_id, table_name, inconsistency_type, severity, key_digest, record_key,
                                     source_data, target_data, columns, differences, counts, detail, held)
     select c.run_id, c.table_name, c.inconsistency_type,
            case when t.critical then 'critical'
                 when c.inconsistency_type = 'field_mismatch' then 'medium' else 'high' end,
            c.key_digest, c.record_key, c.source_data, c.target_data,
            case when c.columns = '[]' then '[]' else jsonb_path_query_array(c.columns, '$[*].name') end, c.columns,
            c.counts, coalesce(c.detail, ${COUNTED}), c.held
       from candidate c, (select coalesce((comparison -> 'pair' ->> 'critical')::boolean, false) as critical
                            from run_table where run_id = $1 and table_name = $2 offset 0) as t
      where c.run_id = $1 and c.table_name = $2 and c.state in ('open', 'settled') and not c.merged
     on conflict (run_id, table_name, inconsistency_type, key_digest) do nothing`,
    [runId, table],
  );
}

export async function countFindings(ledger: Queryable, runId: string, table: string): Promise<FindingCounts> {
  const { rows } = await ledger.query<{ type: InconsistencyType; n: string }>(
    `select inconsistency_type as type, count(*) as n from reconciliation_log
      where run_id = $1 and table_name = $2 group by inconsistency_type order by inconsistency_type`,
    [runId, table],
  );
  return Object.fromEntries(rows.map((row) => [row.type, Number(row.n)]));
}

/**
 * The finding that a plan's item answers, by all columns of its unique index. An effect answers one where it deletes a row
 * that is extra; what it changes in a row is no correction.
 */
export const ANSWERED = `(p.effect_of is null or p.operation = 'delete') and l.table_name = p.table_name and l.key_digest = p.key_digest and l.inconsistency_type =
          case p.operation when 'insert' then 'missing_in_target' when 'delete' then 'extra_in_target' else 'field_mismatch' end`;

/** From so many on they are joined as a whole: the planner expects a few of them, and would look each one up. */
const MANY = 1_000;

/**
 * Gives the findings that a plan's items answer the resolution that their corrections, so many of them, came to. To be
 * called within a transaction.
 */
export async function resolveCorrected(session: Queryable, runId: string, corrections: number): Promise<void> {
  if (corrections >= MANY) await session.query(`select set_config('enable_nestloop', 'off', true)`);
  await session.query(
    `update reconciliation_log l
        set resolution = case c.status when 'SUCCESS' then
                           case when p.needs_approval then 'APPROVED_CORRECTED' else 'AUTO_CORRECTED' end
                         else c.status end,
            resolved_at = clock_timestamp()
       from plan_item p join correction_log c using (run_id, seq)
      where l.run_id = $1 and p.run_id = $1 and ${ANSWERED}
        and l.resolution in ('OPEN', 'FAILED', 'SKIPPED_STALE')`,
    [runId],
  );
}

/** Sets the resolution of the findings of the plan that are still open. */
export async function resolvePlanned(ledger: Queryable, runId: string, resolution: Resolution): Promise<void> {
  await ledger.query(
    `update reconciliation_log l set resolution = $2, resolved_at = clock_timestamp()
       from plan_item p
      where l.run_id = $1 and p.run_id = $1 and ${ANSWERED}
        and l.resolution = 'OPEN'`,
    [runId, resolution],
  );
}

/**
 * Marks the findings whose corrections `undoRunId` took back. Where that is the undo of an undo, the corrections hold
 * again, and their findings say so.
 */
export async function resolveUndone(ledger: Queryable, undoRunId: string): Promise<void> {
  await ledger.query(
    `with recursive ${TAKEN}
     update reconciliation_log l
        set resolution = case when t.depth % 2 = 1 then 'UNDONE'
                              when p.needs_approval then 'APPROVED_CORRECTED' else 'AUTO_CORRECTED' end,
            resolved_at = clock_timestamp()
       from taken t join plan_item p on p.run_id = t.run_id and p.seq = t.seq
      where l.run_id = p.run_id and ${ANSWERED}`,
    [undoRunId],
  );
}

/**
 * As {@link resolveUndone}, of what checks had found and found no more after the corrections. Which of them put it right is
 * not known: it may be so again as soon as any was taken back, and holds only when the one undo of the run was undone.
 */
export async function resolveUndoneChecks(ledger: Queryable, undoRunId: string): Promise<void> {
  await ledger.query(
    `with recursive ${TAKEN},
     touched as (select run_id, bool_or(depth % 2 = 1) as undone from taken group by run_id)
     update reconciliation_log l
        set resolution = case when t.undone or (select count(*) from run u where u.undo_of = t.run_id) > 1 then 'UNDONE'
                              when exists (select 1 from plan_item p where p.run_id = t.run_id and p.needs_approval)
                              then 'APPROVED_CORRECTED' else 'AUTO_CORRECTED' end,
            resolved_at = clock_timestamp()
       from touched t
      where l.run_id = t.run_id and l.check_kind is not null
        and l.resolution in ('AUTO_CORRECTED', 'APPROVED_CORRECTED', 'UNDONE')`,
    [undoRunId],
  );
}

interface FindingRow {
  id: string;
  table_name: string;
  inconsistency_type: InconsistencyType;
  severity: Severity;
  resolution: Resolution;
  record_key: string;
  differences: string;
  detail: string | null;
}

function toFinding(row: FindingRow): Finding {
  const differences = JSON.parse(row.differences) as ColumnDifference[];
  return {
    table: row.table_name,
    type: row.inconsistency_type,
    severity: row.severity,
    resolution: row.resolution,
    key: JSON.parse(row.record_key) as TextRow,
    columns: differences.map(({ name, source, target }) => ({ name, source, target })),
    detail: row.detail,
  };
}

/** The first findings of a check, in the order of their keys' texts. */
export async function firstFindings(
  ledger: Queryable,
  runId: string,
  { kind, subject }: CheckRef,
  limit: number,
): Promise<readonly Finding[]> {
  const { rows } = await ledger.query<FindingRow>(
    `select id, table_name, inconsistency_type, severity, resolution, record_key, differences, detail
       from reconciliation_log where run_id = $1 and check_kind = $2 and check_subject = $3
      order by record_key::text collate "C", id limit $4`,
    [runId, kind, subject, limit],
  );
  return rows.map(toFinding);
}

const PAGE = 1_000;

/** Every finding of a run, in the order of table, type and key, a page at a time. */
export async function* streamFindings(
  ledger: Queryable,
  runId: string,
  filter: { readonly table?: string | undefined; readonly type?: InconsistencyType | undefined } = {},
): AsyncIterable<Finding> {
  let after: readonly unknown[] = ['', '', ''];
  for (;;) {
    const { rows } = await ledger.query<FindingRow & { digest: string }>(
      `select id, table_name, inconsistency_type, severity, resolution, record_key, differences, detail,
              encode(key_digest, 'hex') as digest
         from reconciliation_log
        where run_id = $1 and (table_name, inconsistency_type, key_digest) > ($2, $3, decode($4, 'hex'))
          and ($5::text is null or table_name = $5) and ($6::text is null or inconsistency_type = $6)
        order by table_name, inconsistency_type, key_digest limit ${PAGE}`,
      [runId, ...after, filter.table ?? null, filter.type ?? null],
    );
    for (const row of rows) yield toFinding(row);
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return;
    after = [last.table_name, last.inconsistency_type, last.digest];
  }
}
