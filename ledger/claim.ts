import type { InconsistencyType } from '../contracts/finding';
import type { ResolveMessage } from '../contracts/review';
import type { Queryable } from '../database/connection';
import { MATCHING, SELECTED, selected } from './review';

/** Entries that a correction can answer: a row with a key, and no delete of what an incomplete comparison saw. */
const CORRECTABLE = `q.counts is null
  and q.inconsistency_type in ('missing_in_target', 'extra_in_target', 'field_mismatch')
  and (q.inconsistency_type <> 'extra_in_target' or q.complete)`;

/** Whether a resolution can be for an entry `q`; the entry's own state is not asked. */
function suits({ resolution }: ResolveMessage): string {
  return resolution === 'KEEP_TARGET' ? 'q.value_digest is not null' : CORRECTABLE;
}

/**
 * Takes the entries of a selection for a run, which nobody else may resolve from then on, and returns their IDs' number.
 * What another run has taken, what has changed since `asOf`, and what the resolution cannot be for is left.
 */
export async function claimReviews(session: Queryable, runId: string, message: ResolveMessage): Promise<number> {
  const { rowCount } = await session.query(
    `update manual_review_queue as u
        set resolution_run_id = $6, claimed_at = clock_timestamp(), resolution = $7, reviewer = $8, notes = $9
       from (select q.id from manual_review_queue q where ${SELECTED} and ${suits(message)} order by q.id for update) c
      where u.id = c.id`,
    [...selected(message.selection, message.asOf), runId, message.resolution, message.reviewer, message.notes],
  );
  return rowCount ?? 0;
}

/** What a selection holds that a resolution can be for, by table and type. */
export async function listClaimable(
  ledger: Queryable,
  message: ResolveMessage,
): Promise<readonly { readonly table: string; readonly type: InconsistencyType }[]> {
  const { rows } = await ledger.query<{ table_name: string; inconsistency_type: InconsistencyType }>(
    `select distinct table_name, inconsistency_type from manual_review_queue q where ${SELECTED} and ${suits(message)}
      order by table_name, inconsistency_type`,
    selected(message.selection, message.asOf),
  );
  return rows.map((row) => ({ table: row.table_name, type: row.inconsistency_type }));
}

/** How many open entries of a selection a resolution cannot be for. */
export async function countUnsuited(ledger: Queryable, message: ResolveMessage): Promise<number> {
  const { rows } = await ledger.query<{ n: string }>(
    `select count(*) as n from manual_review_queue q where ${SELECTED} and not (${suits(message)})`,
    selected(message.selection, message.asOf),
  );
  return Number(rows[0]?.n ?? 0);
}

/** The runs that found the entries that a run has taken, and who requested them. */
export async function listFinders(
  session: Queryable,
  runId: string,
): Promise<readonly { readonly runId: string; readonly requestedBy: string }[]> {
  const { rows } = await session.query<{ run_id: string; requested_by: string }>(
    `select r.run_id, r.requested_by from run r
      where r.requested_by is not null
        and r.run_id in (select q.last_run_id from manual_review_queue q where q.resolution_run_id = $1)
      order by r.run_id`,
    [runId],
  );
  return rows.map((row) => ({ runId: row.run_id, requestedBy: row.requested_by }));
}

/** Lets go of the entries that a run has taken, of which nothing was done. */
export async function releaseClaimed(session: Queryable, runId: string): Promise<void> {
  await session.query(
    `update manual_review_queue
        set resolution = null, reviewer = null, notes = null, resolution_run_id = null, claimed_at = null
      where resolution_run_id = $1 and status = 'PENDING'`,
    [runId],
  );
}

/** A run whose resolution of entries is under way. */
export interface Holder {
  readonly runId: string;
  readonly workflowId: string;
  readonly executionId: string;
}

/** The runs that have taken open entries of a selection. */
export async function listHolders(ledger: Queryable, message: ResolveMessage): Promise<readonly Holder[]> {
  const { rows } = await ledger.query<Record<'run_id' | 'workflow_id' | 'first_execution_run_id', string>>(
    `select r.run_id, r.workflow_id, r.first_execution_run_id from run r
      where r.run_id in (select q.resolution_run_id from manual_review_queue q
                          where q.resolution_run_id is not null and ${MATCHING})
      order by r.run_id limit 20`,
    selected(message.selection, message.asOf),
  );
  return rows.map((row) => ({
    runId: row.run_id,
    workflowId: row.workflow_id,
    executionId: row.first_execution_run_id,
  }));
}
