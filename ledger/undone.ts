import type { Queryable } from '../database/connection';

interface Correction {
  readonly run: string;
  readonly seq: string;
}

const idOf = ({ run, seq }: Correction) => JSON.stringify([run, seq]);

/**
 * Which of a run's corrections are taken back as things stand: an undo of it did, and no undo of that undo gave back what
 * it did, and so on. They are told by their sequence numbers.
 */
export async function listUndone(
  ledger: Queryable,
  runId: string,
  seqs: readonly string[],
): Promise<ReadonlySet<string>> {
  if (seqs.length === 0) return new Set();
  const { rows } = await ledger.query<Record<'run_id' | 'seq' | 'of_run' | 'of_seq', string>>(
    `with recursive event as (
       select i.run_id, i.seq, u.undo_of as of_run, i.undoes as of_seq
         from run u join plan_item i on i.run_id = u.run_id and i.undoes = any ($2::bigint[])
              join correction_log c on c.run_id = i.run_id and c.seq = i.seq and c.status = 'SUCCESS'
        where u.undo_of = $1
       union all
       select i.run_id, i.seq, e.run_id, e.seq
         from event e join run u on u.undo_of = e.run_id
              join plan_item i on i.run_id = u.run_id and i.undoes = e.seq
              join correction_log c on c.run_id = i.run_id and c.seq = i.seq and c.status = 'SUCCESS')
     select run_id, seq, of_run, of_seq from event`,
    [runId, seqs],
  );
  const takenBackBy = new Map<string, Correction[]>();
  for (const row of rows) {
    const taken = idOf({ run: row.of_run, seq: row.of_seq });
    takenBackBy.set(taken, [...(takenBackBy.get(taken) ?? []), { run: row.run_id, seq: row.seq }]);
  }
  // A correction is undone when one that takes it back is not undone itself.
  const isUndone = (correction: Correction): boolean =>
    (takenBackBy.get(idOf(correction)) ?? []).some((by) => !isUndone(by));
  return new Set(seqs.filter((seq) => isUndone({ run: runId, seq })));
}

/**
 * `taken`, as SQL: the corrections that the undo `$1` took back, with `depth` 1; those that these had taken back themselves,
 * with 2, and so on. Where the depth is odd they are undone now, where it is even they hold again.
 */
export const TAKEN = `taken (run_id, seq, depth) as (
       select u.undo_of, i.undoes, 1
         from run u join plan_item i using (run_id)
              join correction_log c on c.run_id = i.run_id and c.seq = i.seq and c.status = 'SUCCESS'
        where u.run_id = $1
       union all
       select u.undo_of, i.undoes, t.depth + 1
         from taken t join run u on u.run_id = t.run_id and u.undo_of is not null
              join plan_item i on i.run_id = t.run_id and i.seq = t.seq)`;
