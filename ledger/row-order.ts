import type { Operation } from '../contracts/correction';
import type { Queryable } from '../database/connection';

/** A reference of a table's rows to others of the same table: its columns, and those that they refer to. */
export interface SelfReference {
  readonly columns: readonly string[];
  readonly refersTo: readonly string[];
}

/** The tables and operations of a plan that take more than one row; rows are put in order within each. */
export async function listOrderable(ledger: Queryable, runId: string) {
  const { rows } = await ledger.query<{ table_name: string; operation: Extract<Operation, 'insert' | 'delete'> }>(
    `select table_name, operation from plan_item
      where run_id = $1 and operation in ('insert', 'delete') and effect_of is null
      group by table_name, operation having count(*) > 1 order by table_name, operation`,
    [runId],
  );
  return rows.map((row) => ({ table: row.table_name, operation: row.operation }));
}

/**
 * Moves rows that are `level` references away from the first ones one place further: inserts after the row that they refer
 * to, deletes before it. Returns how many were moved.
 */
export async function moveReferring(
  ledger: Queryable,
  runId: string,
  at: { readonly table: string; readonly operation: 'insert' | 'delete'; readonly level: number },
  { columns, refersTo }: SelfReference,
): Promise<number> {
  const data = at.operation === 'insert' ? 'after_data' : 'before_data';
  const sign = at.operation === 'insert' ? -1 : 1;
  const { rowCount } = await ledger.query(
    `with parents as (
       select seq, array(select ${data} ->> name from unnest($6::text[]) with ordinality as c(name, n) order by n) as id
         from plan_item
        where run_id = $1 and table_name = $2 and operation = $3 and effect_of is null and effect_level = $4),
     children as (
       select seq, array(select ${data} ->> name from unnest($5::text[]) with ordinality as c(name, n) order by n) as id
         from plan_item
        where run_id = $1 and table_name = $2 and operation = $3 and effect_of is null)
     update plan_item p set effect_level = $4 + ${sign}
      where p.run_id = $1 and p.seq in (select c.seq from children c join parents f on f.id = c.id and f.seq <> c.seq)`,
    [runId, at.table, at.operation, sign * at.level, columns, refersTo],
  );
  return rowCount ?? 0;
}
