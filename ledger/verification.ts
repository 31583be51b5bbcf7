import type { Queryable } from '../database/connection';
import { ANSWERED } from './finding';

/** A correction whose row was not as it should be when it was read again, and how it differed. */
export interface Contradiction {
  readonly seq: string;
  /** Names of columns, no values. */
  readonly detail: string;
}

/** Corrections that were just read again: those from `from` to `to`, by their numbers. */
export interface VerifiedPage {
  readonly from: string;
  readonly to: string;
  readonly contradicted: readonly Contradiction[];
}

/** Notes what a reading of some corrections of a table came to, in place of what an earlier one had noted of them. */
export async function noteVerified(ledger: Queryable, runId: string, table: string, page: VerifiedPage): Promise<void> {
  const { from, to, contradicted } = page;
  const numbers = contradicted.map(({ seq }) => seq);
  await ledger.query(
    `with agreeing as (
       delete from verification where run_id = $1 and table_name = $2 and seq between $3 and $4 and seq <> all ($5::bigint[]))
     insert into verification (run_id, table_name, seq, detail)
     select $1, $2, seq, detail from unnest($5::bigint[], $6::text[]) as c(seq, detail)
     on conflict (run_id, seq) do update set detail = excluded.detail where verification.detail <> excluded.detail`,
    [runId, table, from, to, numbers, contradicted.map(({ detail }) => detail)],
  );
}

export async function countContradicted(ledger: Queryable, runId: string, table: string): Promise<number> {
  const { rows } = await ledger.query<{ n: string }>(
    'select count(*) as n from verification where run_id = $1 and table_name = $2',
    [runId, table],
  );
  return Number(rows[0]?.n ?? 0);
}

/** The next corrections of a table whose rows were not as they should be, after `afterSeq`, by their numbers. */
export async function nextContradicted(
  ledger: Queryable,
  runId: string,
  table: string,
  afterSeq: string,
  limit: number,
): Promise<readonly { readonly seq: string; readonly key: Readonly<Record<string, string>> }[]> {
  const { rows } = await ledger.query<{ seq: string; record_key: string }>(
    `select p.seq, p.record_key from verification v join plan_item p using (run_id, seq)
      where v.run_id = $1 and v.table_name = $2 and v.seq > $3 order by v.seq limit $4`,
    [runId, table, afterSeq, limit],
  );
  return rows.map((row) => ({ seq: row.seq, key: JSON.parse(row.record_key) as Record<string, string> }));
}

const NOTED = `concat_ws('; ', l.detail, v.detail)`;

/**
 * Opens the findings again that a run's corrections had answered and whose rows differ all the same, with a detail that says
 * so; of a review, its entries, too. Done again it changes nothing. To be called within a transaction.
 */
export async function reopenContradicted(session: Queryable, runId: string): Promise<void> {
  const { rows } = await session.query('select 1 from verification where run_id = $1 limit 1', [runId]);
  if (rows.length === 0) return;
  await session.query(
    `update reconciliation_log l set resolution = 'OPEN', resolved_at = null, detail = ${NOTED}
       from verification v join plan_item p using (run_id, seq)
      where v.run_id = $1 and l.run_id = $1 and ${ANSWERED}
        and l.resolution in ('AUTO_CORRECTED', 'APPROVED_CORRECTED')`,
    [runId],
  );
  await reopenEntries(session, runId);
  await reopenGivenBack(session, runId);
}

/** An entry of which another one is open already stays closed: that one stands for the row. */
async function reopenEntries(session: Queryable, runId: string): Promise<void> {
  await session.query(
    `with contradicted as (
       select q.id, v.detail, not exists (
                select 1 from manual_review_queue o
                 where o.status = 'PENDING' and o.table_name = q.table_name
                   and o.inconsistency_type = q.inconsistency_type and o.key_digest = q.key_digest) as opens
         from verification v join plan_item p using (run_id, seq) join manual_review_queue q on q.id = p.review_id
        where v.run_id = $1 and q.resolution_run_id = $1 and q.status = 'REVIEWED'),
     opened as (
       update manual_review_queue q
          set status = 'PENDING', reviewed_at = null,
              last_attempt = q.resolution || ' by ' || q.reviewer || ', run ' || $1 || ': ' || c.detail,
              resolution = null, reviewer = null, notes = null, resolution_run_id = null, claimed_at = null
         from contradicted c where q.id = c.id and c.opens)
     update reconciliation_log l
        set resolution = case when v.opens then 'IN_REVIEW' else 'OPEN' end, resolved_at = null, detail = ${NOTED}
       from contradicted v where l.review_id = v.id and l.resolution = 'APPROVED_CORRECTED'`,
    [runId],
  );
}

/** Of an undo of an undo: the corrections that should hold again, and do not. */
async function reopenGivenBack(session: Queryable, runId: string): Promise<void> {
  await session.query(
    `with recursive given_back (run_id, seq, depth, detail) as (
       select u.undo_of, i.undoes, 1, v.detail
         from verification v join plan_item i using (run_id, seq) join run u using (run_id)
        where v.run_id = $1 and u.undo_of is not null
       union all
       select u.undo_of, i.undoes, g.depth + 1, g.detail
         from given_back g join run u on u.run_id = g.run_id and u.undo_of is not null
              join plan_item i on i.run_id = g.run_id and i.seq = g.seq)
     update reconciliation_log l set resolution = 'OPEN', resolved_at = null, detail = ${NOTED}
       from given_back v join plan_item p on p.run_id = v.run_id and p.seq = v.seq
      where v.depth % 2 = 0 and l.resolution in ('AUTO_CORRECTED', 'APPROVED_CORRECTED')
        and (l.review_id = p.review_id or (l.run_id = p.run_id and ${ANSWERED}))`,
    [runId],
  );
}

/** How the rows of a page of corrections differ, by the numbers of the corrections; those that do not are not in it. */
export async function readContradictions(
  ledger: Queryable,
  runId: string,
  seqs: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await ledger.query<{ seq: string; detail: string }>(
    'select seq, detail from verification where run_id = $1 and seq = any ($2::bigint[])',
    [runId, seqs],
  );
  return new Map(rows.map(({ seq, detail }) => [seq, detail]));
}
