import type { Queryable } from '../database/connection';
import { WEIGHS } from './check';
import { ANSWERED, IS_LEFT } from './finding';

/** Differences of one kind that a run found and that no correction of its plan answers. */
export interface BesidePlan {
  /** For people: table, type and why, or what is not known of the table. */
  readonly what: string;
  readonly n: number;
  /** Whether the plan's corrections may put it right all the same, as with a sum that a row is missing from. */
  readonly mayFollow: boolean;
}

/** What a plan leaves on the target `connection` when all of it is made; what no table pair names counts for any. */
export async function listBesidePlan(
  ledger: Queryable,
  runId: string,
  connection: string,
): Promise<readonly BesidePlan[]> {
  const { rows } = await ledger.query<{ what: string; n: string; follows: string }>(
    `with here as (
       select t.table_name, t.status, t.unsettled, t.comparison #>> '{pair,target,connection}' = $2 as is_here
         from run_table t where t.run_id = $1),
     found as (
       select concat_ws(' ', l.table_name, l.inconsistency_type, l.resolution) as what, count(*) as n,
              bool_and(l.check_kind is not null and l.inconsistency_type <> 'schema_drift') as follows
         from reconciliation_log l left join here h using (table_name)
        where l.run_id = $1 and h.is_here is distinct from false and ${IS_LEFT} and ${WEIGHS}
          and not exists (select 1 from plan_item p where p.run_id = $1 and not p.left_out and ${ANSWERED})
        group by 1),
     unknown as (
       select table_name || ' unsettled' as what, unsettled as n, false as follows from here where is_here and unsettled > 0
       union all
       select table_name || ' not compared to its end', 1, false from here where is_here and status = 'incomplete')
     select what, n, follows from found union all select what, n, follows from unknown order by 3, 1`,
    [runId, connection],
  );
  return rows.map((row) => ({ what: row.what, n: Number(row.n), mayFollow: row.follows === 't' }));
}
