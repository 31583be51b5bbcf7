import type { Queryable } from '../database/connection';

/** Which of a run's corrections an earlier undo of that run took back already, by their sequence numbers. */
export async function listUndoneKeys(
  ledger: Queryable,
  runId: string,
  images: readonly { readonly seq: string }[],
): Promise<ReadonlySet<string>> {
  const { rows } = await ledger.query<{ seq: string }>(
    `select p.seq from plan_item p
      where p.run_id = $1 and p.seq = any ($2::bigint[])
        and exists (select 1 from run u join plan_item i on i.run_id = u.run_id
                           join correction_log c on c.run_id = i.run_id and c.seq = i.seq
                     where u.undo_of = $1 and i.table_name = p.table_name and i.key_digest = p.key_digest
                       and c.status = 'SUCCESS' and not exists (
                         select 1 from run back where back.undo_of = u.run_id and back.status = 'applied'))`,
    [runId, images.map((image) => image.seq)],
  );
  return new Set(rows.map((row) => row.seq));
}
