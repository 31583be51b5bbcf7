import type { Queryable } from '../database/connection';
import { WEIGHS } from './check';
import { IS_LEFT } from './finding';

/** Rows that differ after their correction, and that no finding which is left stands for: what a delete took along, and such. */
const CONTRADICTED = `(select count(distinct (p.table_name, p.key_digest))
    from verification v join plan_item p using (run_id, seq)
   where v.run_id = r.run_id
     and not exists (select 1 from reconciliation_log l
                      where l.run_id = r.run_id and l.table_name = p.table_name and l.key_digest = p.key_digest
                        and l.check_kind is null and ${IS_LEFT}))`;

/** As {@link CONTRADICTED}, of a review, whose entries stand for their rows. */
const CONTRADICTED_BESIDE_ENTRIES = `(select count(distinct (p.table_name, p.key_digest))
    from verification v join plan_item p using (run_id, seq)
   where v.run_id = r.run_id
     and not exists (select 1 from plan_item e
                      where e.run_id = r.run_id and e.table_name = p.table_name and e.key_digest = p.key_digest
                        and e.review_id is not null))`;

/**
 * SQL for how many differences a run `r` leaves, each row or finding once: what it found and did not correct, whatever the
 * reason, but what a reviewer keeps; what did not settle; and what differed again after its correction. Of an undo, the rows
 * that were not given back; of a review, the entries that stay open.
 */
export const REMAINING = `case r.kind
    when 'reconcile' then
      (select count(*) from reconciliation_log where run_id = r.run_id and ${IS_LEFT} and ${WEIGHS})
        + (select coalesce(sum(unsettled), 0) from run_check where run_id = r.run_id)
        + (select coalesce(sum(unsettled), 0) from run_table where run_id = r.run_id)
        + ${CONTRADICTED}
    when 'review' then
      coalesce((select v.left_out + v.reviews - (select count(*) from manual_review_queue q
                                                  where q.resolution_run_id = v.run_id and q.status = 'REVIEWED')
                  from review_resolution v where v.run_id = r.run_id), 0)
        + ${CONTRADICTED_BESIDE_ENTRIES}
    else
      (select count(*) from plan_item p
        where p.run_id = r.run_id and not exists (
                select 1 from correction_log c where c.run_id = r.run_id and c.seq = p.seq and c.status = 'SUCCESS'))
        + (select count(*) from correction_log c
            where c.run_id = r.run_id and c.status <> 'SUCCESS'
              and not exists (select 1 from plan_item p where p.run_id = r.run_id and p.seq = c.seq))
        + (select count(*) from verification where run_id = r.run_id) end`;

/** What a run leaves different in the target; where its findings were purged, what it left when it ended. */
export async function countRemaining(ledger: Queryable, runId: string): Promise<number> {
  const { rows } = await ledger.query<{ n: string }>(
    `select coalesce((select j.remaining from job_history j
                       where j.run_id = r.run_id and r.ended_at is not null
                         and exists (select 1 from purge_run d join purge p using (purge_id)
                                      where d.run_id = r.run_id and p.findings)), ${REMAINING}) as n
       from run r where r.run_id = $1`,
    [runId],
  );
  return Number(rows[0]?.n ?? 0);
}
