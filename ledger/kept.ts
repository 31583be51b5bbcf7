import type { Queryable } from '../database/connection';

/**
 * SHA-256 of what differs, as SQL over a finding `l` and its table `t`: the differing columns' values of a mismatch, all
 * compared values of a row that is on one side only, with the tables that were compared.
 */
export const VALUE_DIGEST = `sha256(convert_to(jsonb_build_object(
    'source', t.comparison #> '{pair,source}', 'target', t.comparison #> '{pair,target}', 'counts', l.counts, 'values',
    case l.inconsistency_type
      when 'field_mismatch' then
        (select jsonb_object_agg(d ->> 'name', jsonb_build_array(d -> 'targetName', d -> 'source', d -> 'target'))
           from jsonb_array_elements(l.differences) as e(d))
      when 'missing_in_target' then
        (select jsonb_object_agg(c ->> 'source', l.source_data -> (c ->> 'source'))
           from jsonb_array_elements(t.comparison -> 'columns') as e(c))
      else
        (select jsonb_object_agg(c ->> 'target', l.target_data -> (c ->> 'target'))
           from jsonb_array_elements(t.comparison -> 'columns') as e(c))
    end)::text, 'UTF8'))`;

/** Marks the open findings that a reviewer decided to keep, of one table or of all. */
export async function markKept(ledger: Queryable, runId: string, table: string | null): Promise<void> {
  await ledger.query(
    `update reconciliation_log l
        set resolution = 'KEPT_TARGET', resolved_at = clock_timestamp(), review_id = k.review_id
       from kept_difference k, run_table t
      where l.run_id = $1 and ($2::text is null or l.table_name = $2) and l.resolution = 'OPEN'
        and t.run_id = l.run_id and t.table_name = l.table_name
        and k.table_name = l.table_name and k.inconsistency_type = l.inconsistency_type and k.key_digest = l.key_digest
        and k.value_digest = ${VALUE_DIGEST}`,
    [runId, table],
  );
}

export async function countKept(ledger: Queryable, runId: string, table: string): Promise<number> {
  const { rows } = await ledger.query<{ n: string }>(
    `select count(*) as n from reconciliation_log where run_id = $1 and table_name = $2 and resolution = 'KEPT_TARGET'`,
    [runId, table],
  );
  return Number(rows[0]?.n ?? 0);
}

/** Remembers the entries that a run's resolution keeps; the newest decision on a difference stands. */
export async function keepDifferences(session: Queryable, runId: string): Promise<void> {
  await session.query(
    `insert into kept_difference (table_name, inconsistency_type, key_digest, value_digest, review_id, run_id, reviewer)
     select q.table_name, q.inconsistency_type, q.key_digest, q.value_digest, q.id, $1, q.reviewer
       from manual_review_queue q
      where q.resolution_run_id = $1 and q.status = 'PENDING' and q.resolution = 'KEEP_TARGET'
     on conflict (table_name, inconsistency_type, key_digest) do update
        set value_digest = excluded.value_digest, review_id = excluded.review_id, run_id = excluded.run_id,
            reviewer = excluded.reviewer, kept_at = clock_timestamp()`,
    [runId],
  );
}

/** Whether a run's resolution keeps differences that an undo of it would have to forget. */
export async function isKeeping(ledger: Queryable, runId: string): Promise<boolean> {
  const { rows } = await ledger.query('select 1 from kept_difference where run_id = $1 limit 1', [runId]);
  return rows.length > 0;
}

/** Forgets what the run that an undo takes back has kept: the differences are raised again. */
export async function forgetKept(ledger: Queryable, undoRunId: string): Promise<void> {
  await ledger.query(
    `with forgotten as (
       delete from kept_difference k using run u where u.run_id = $1 and k.run_id = u.undo_of returning k.review_id),
     undone as (
       update manual_review_queue q set undone_by = $1 from forgotten f where q.id = f.review_id returning q.id)
     update reconciliation_log l set resolution = 'UNDONE', resolved_at = clock_timestamp()
       from undone where l.review_id = undone.id and l.resolution = 'KEPT_TARGET'`,
    [undoRunId],
  );
}
