import type { ApprovalScope } from '../contracts/approval';
import type { Operation } from '../contracts/correction';
import type { Queryable } from '../database/connection';

/** What a plan deletes or overwrites of a table. */
export interface PlannedDestruction {
  readonly table: string;
  readonly changes: number;
  readonly deletes: number;
  /** Rows of each side as the run's comparison counted them; null: it did not. */
  readonly source: number | null;
  readonly target: number | null;
}

/**
 * The rows that the plan deletes or overwrites, by table, beside how many each side had when it was compared. A review knows
 * of the target what the run that saw its entries had counted, where that counted all; an undo compares nothing.
 */
export async function countDestruction(ledger: Queryable, runId: string): Promise<readonly PlannedDestruction[]> {
  const { rows } = await ledger.query<
    Record<'table_name' | 'changes' | 'deletes', string> & Record<'source' | 'target', string | null>
  >(
    `select d.table_name, d.changes, d.deletes,
            case r.kind when 'reconcile' then case when t.rows_compared in ('changed', 'sample') then c.rows_source
                                                   else t.rows_source end end as source,
            case r.kind when 'reconcile' then case when t.rows_compared in ('changed', 'sample') then c.rows_target
                                                   else t.rows_target end
                        when 'review' then nullif(t.rows_target, 0) end as target
       from (select table_name, count(*) as changes, count(*) filter (where operation = 'delete') as deletes
               from plan_item where run_id = $1 and operation in ('update', 'delete') group by table_name) as d
            join run r on r.run_id = $1
            left join run_table t on t.run_id = $1 and t.table_name = d.table_name
            left join run_check c on c.run_id = $1 and c.kind = 'counts' and c.subject = d.table_name
      order by d.table_name`,
    [runId],
  );
  const numberOf = (text: string | null) => (text === null ? null : Number(text));
  return rows.map((row) => ({
    table: row.table_name,
    changes: Number(row.changes),
    deletes: Number(row.deletes),
    source: numberOf(row.source),
    target: numberOf(row.target),
  }));
}

/**
 * Makes whatever deletes or overwrites rows of these tables wait for an approval; a delete together with all its effects.
 */
export async function requireApproval(ledger: Queryable, runId: string, tables: readonly string[]): Promise<void> {
  await ledger.query(
    `with causes as materialized (
       select distinct coalesce(effect_of, seq) as seq from plan_item
        where run_id = $1 and table_name = any ($2::text[]) and operation in ('update', 'delete'))
     update plan_item p set needs_approval = true
       from causes c
      where p.run_id = $1 and not p.needs_approval and coalesce(p.effect_of, p.seq) = c.seq`,
    [runId, tables],
  );
}

/** Each table that the plan changes, with what it does to it. */
export async function listPlannedOperations(
  ledger: Queryable,
  runId: string,
): Promise<ReadonlyMap<string, readonly Operation[]>> {
  const { rows } = await ledger.query<{ table_name: string; operations: string }>(
    `select table_name, to_json(array_agg(operation order by operation)) as operations
       from (select distinct table_name, operation from plan_item where run_id = $1) as d
      group by table_name order by table_name`,
    [runId],
  );
  return new Map(rows.map((row) => [row.table_name, JSON.parse(row.operations) as Operation[]]));
}

/** The columns that the plan's updates of a table set. */
export async function listUpdatedColumns(ledger: Queryable, runId: string, table: string): Promise<readonly string[]> {
  const { rows } = await ledger.query<{ name: string }>(
    `select distinct jsonb_object_keys(after_data) as name from plan_item
      where run_id = $1 and table_name = $2 and operation = 'update'`,
    [runId, table],
  );
  return rows.map((row) => row.name);
}

/**
 * Leaves out what needs an approval and lies outside the part that was approved, before anything is applied. What goes
 * with a delete is left out with it. Returns how many corrections that leaves out; doing it again changes nothing.
 */
export async function leaveOutItems(ledger: Queryable, runId: string, scope: ApprovalScope): Promise<number> {
  await ledger.query(
    `with judged as (
       select p.seq, p.needs_approval and not (
                (coalesce(c.table_name, p.table_name) = any ($2::text[]) or $2::text[] is null)
                and (coalesce(c.operation, p.operation) = any ($3::text[]) or $3::text[] is null)) as outside
         from plan_item p left join plan_item c on c.run_id = p.run_id and c.seq = p.effect_of
        where p.run_id = $1)
     update plan_item p set left_out = j.outside
       from judged j
      where p.run_id = $1 and p.seq = j.seq and p.left_out <> j.outside`,
    [runId, scope.tables, scope.operations],
  );
  const { rows } = await ledger.query<{ n: string }>(
    'select count(*) as n from plan_item where run_id = $1 and left_out',
    [runId],
  );
  return Number(rows[0]?.n ?? 0);
}
