import type { TextRow } from '../contracts/finding';
import type { Queryable } from '../database/connection';
import { TAKEN } from './undone';

/** SQL for whether a row with these values lacks a column that it must have. */
const unfilled = (comparison: string, values: string) =>
  `exists (select 1 from jsonb_array_elements_text(${comparison} -> 'unfilled') as u(name) where not ${values} ? u.name)`;

/**
 * Makes the plan of a run from the entries that it has taken: each row becomes as the source has it, or gets `values`
 * over what it holds or the source has. Where entries of one row were taken, the one seen last is planned. An entry of
 * which nothing would be written is not planned. The order is that of any other plan.
 */
export async function insertReviewPlan(session: Queryable, runId: string, values: TextRow | null): Promise<void> {
  await session.query(
    `with tables as (
       select t.*, count(*) over () as n from run_table t where t.run_id = $1),
     chosen as (
       select distinct on (q.table_name, q.key_digest) q.*, t.comparison, t.ordinal, t.n,
              case when q.inconsistency_type = 'missing_in_target' then 'insert'
                   when q.inconsistency_type = 'extra_in_target' and $2::jsonb is null then 'delete'
                   else 'update' end as operation
         from manual_review_queue q join tables t using (table_name)
        where q.resolution_run_id = $1 and q.status = 'PENDING'
        order by q.table_name, q.key_digest, q.last_seen_at desc, q.id desc),
     items as (
       select c.*,
              case c.operation when 'insert' then c.ordinal when 'update' then c.n + c.ordinal
                   else 3 * c.n - c.ordinal + 1 end as step,
              case
                when c.operation = 'insert' then
                  (select jsonb_object_agg(w ->> 'target', c.source_data -> (w ->> 'source'))
                     from jsonb_array_elements(c.comparison -> 'writable') as e(w)) || coalesce($2::jsonb, '{}')
                when c.operation = 'update' and $2::jsonb is not null then
                  (select jsonb_object_agg(v.key, v.value) from jsonb_each($2::jsonb) v
                    where v.value is distinct from c.target_data -> v.key)
                when c.operation = 'update' then
                  (select jsonb_object_agg(d ->> 'targetName', d -> 'source')
                     from jsonb_array_elements(c.differences) as e(d)
                    where d ->> 'targetName' in (
                      select w ->> 'target' from jsonb_array_elements(c.comparison -> 'writable') as f(w)))
              end as after_data,
              case when c.operation = 'update' and c.source_data is not null then
                     (select jsonb_object_agg(o ->> 'source', c.source_data -> (o ->> 'source'))
                        from jsonb_array_elements(c.comparison -> 'columns') as e(o))
                   else c.source_data end as expected_source
         from chosen c)
     insert into plan_item (run_id, seq, step, table_name, operation, key_digest, record_key, before_data, after_data,
                            source_data, check_source, needs_approval, review_id, given)
     select $1, row_number() over (order by step, length(record_key::text), record_key::text collate "C"), step,
            table_name, operation, key_digest, record_key, target_data, after_data, expected_source, true, true, id,
            case when operation <> 'delete' and $2::jsonb is not null then array(select jsonb_object_keys($2::jsonb) as name order by name) end
       from items
      where operation = 'delete'
         -- A column that nothing fills would refuse the row, unless the reviewer gives its value.
         or after_data is not null and not (operation = 'insert' and ${unfilled('comparison', 'after_data')})`,
    [runId, values === null ? null : JSON.stringify(values)],
  );
}

/** Tells the tables of a run how many rows their targets had when entries that it has taken were seen last. */
export async function copyRowCounts(session: Queryable, runId: string): Promise<void> {
  await session.query(
    `update run_table t set rows_target = e.rows_target
       from (select distinct on (q.table_name) q.table_name, seen.rows_target
               from manual_review_queue q join run_table seen on seen.run_id = q.last_run_id and seen.table_name = q.table_name
              where q.resolution_run_id = $1 and seen.status in ('consistent', 'inconsistent')
              order by q.table_name, q.last_seen_at desc) e
      where t.run_id = $1 and t.table_name = e.table_name`,
    [runId],
  );
}

/** Closes the entries that a run has taken to keep, and their findings. */
export async function settleKept(session: Queryable, runId: string): Promise<void> {
  await session.query(
    `with kept as (
       update manual_review_queue set status = 'REVIEWED', reviewed_at = clock_timestamp(), last_attempt = null
        where resolution_run_id = $1 and status = 'PENDING' and resolution = 'KEEP_TARGET' returning id)
     update reconciliation_log l set resolution = 'KEPT_TARGET', resolved_at = clock_timestamp()
       from kept where l.review_id = kept.id and l.resolution = 'IN_REVIEW'`,
    [runId],
  );
}

/** Takes the plan away that an execution was refused with, so that another resolution can have its place. */
export async function forgetRefusedPlan(session: Queryable, firstExecutionRunId: string): Promise<void> {
  const refused = `select run_id from run r where r.first_execution_run_id = $1 and r.status = 'failed'
    and not exists (select 1 from review_resolution v where v.run_id = r.run_id)`;
  for (const table of ['plan_item', 'plan_table', 'run_table']) {
    await session.query(`delete from ${table} where run_id in (${refused})`, [firstExecutionRunId]);
  }
  await session.query(`update run set plan_digest = null where run_id in (${refused})`, [firstExecutionRunId]);
}

/**
 * Says what became of the entries that a run has taken: those whose correction succeeded are closed, and their findings
 * with them; the others are open again, with the reason. Said again it changes nothing.
 */
export async function settleReviews(ledger: Queryable, runId: string): Promise<void> {
  await ledger.query(
    `with outcome as (
       select q.id, c.status,
              case when c.status is not null then c.status || coalesce(': ' || c.error, '')
                   when p.seq is not null then 'the run ended before it came to it'
                   when q.inconsistency_type = 'missing_in_target' and ${unfilled('t.comparison', `'{}'::jsonb`)}
                     then 'a column of the target cannot be NULL, has no default, and nothing of the source can be written to it; '
                       || 'give its value with CUSTOM_FIX'
                   else 'nothing to write: another entry of the row was seen later, or no column that differs may be written'
              end as why
         from manual_review_queue q
              left join plan_item p on p.run_id = $1 and p.review_id = q.id
              left join correction_log c on c.run_id = p.run_id and c.seq = p.seq
              left join run_table t on t.run_id = $1 and t.table_name = q.table_name
        where q.resolution_run_id = $1 and q.status = 'PENDING'),
     done as (
       update manual_review_queue q
          set status = 'REVIEWED', reviewed_at = clock_timestamp(), last_attempt = null
         from outcome o where o.id = q.id and o.status = 'SUCCESS'
       returning q.id),
     open as (
       update manual_review_queue q
          set last_attempt = q.resolution || ' by ' || q.reviewer || ' at '
                || to_char(q.claimed_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || ', run ' || $1 || ': ' || o.why,
              resolution = null, reviewer = null, notes = null, resolution_run_id = null, claimed_at = null
         from outcome o where o.id = q.id and o.status is distinct from 'SUCCESS')
     update reconciliation_log l set resolution = 'APPROVED_CORRECTED', resolved_at = clock_timestamp()
       from done where l.review_id = done.id and l.resolution = 'IN_REVIEW'`,
    [runId],
  );
}

/**
 * Notes what an undo has taken back of what a review's run corrected: findings and entries say so, and no more where that
 * is undone itself. Nothing for the undo of any other run.
 */
export async function noteUndoneReviews(ledger: Queryable, undoRunId: string): Promise<void> {
  await ledger.query(
    `with recursive ${TAKEN},
     noted as (
       update manual_review_queue q set undone_by = case when t.depth % 2 = 1 then $1 end
         from taken t join plan_item p on p.run_id = t.run_id and p.seq = t.seq
        where q.resolution_run_id = p.run_id and q.table_name = p.table_name and q.key_digest = p.key_digest
       returning q.id, q.undone_by)
     update reconciliation_log l
        set resolution = case when n.undone_by is null then 'APPROVED_CORRECTED' else 'UNDONE' end,
            resolved_at = clock_timestamp()
       from noted n where l.review_id = n.id and l.resolution in ('APPROVED_CORRECTED', 'UNDONE')`,
    [undoRunId],
  );
}
