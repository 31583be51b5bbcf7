import type { InsertPage } from '../contracts/insert-page';
import type { Queryable } from '../database/connection';

/**
 * The next inserts of a step that answer differences, were not left out and have no entry in the correction log yet; null:
 * none is left. Nothing of them is looked into here: a million rows pass through as a few texts.
 */
export async function nextInsertPage(
  ledger: Queryable,
  runId: string,
  step: number,
  afterSeq: string,
  limit: number,
): Promise<InsertPage | null> {
  const { rows } = await ledger.query<{
    seqs: string | null;
    keys: string;
    after: string;
    expected: string;
    characters: string;
  }>(
    `select array_agg(seq order by seq) as seqs, array_agg(record_key order by seq) as keys,
            array_agg(after_data order by seq) as after,
            string_agg(encode(sha256(convert_to(source_data::text, 'UTF8')), 'hex'), ',' order by seq) as expected,
            sum(pg_column_size(after_data)) as characters
       from (select seq, record_key, after_data, source_data from plan_item p
              where run_id = $1 and step = $2 and seq > $3 and operation = 'insert' and check_source
                and effect_of is null and not left_out
                and not exists (select 1 from correction_log c where c.run_id = p.run_id and c.seq = p.seq)
              order by seq limit $4) as page`,
    [runId, step, afterSeq, limit],
  );
  const page = rows[0];
  if (!page?.seqs) return null;
  return {
    seqs: page.seqs.slice(1, -1).split(','),
    seqArray: page.seqs,
    keyArray: page.keys,
    afterArray: page.after,
    expected: page.expected.split(','),
    characters: Number(page.characters),
  };
}
