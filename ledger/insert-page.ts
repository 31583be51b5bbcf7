import type { InsertPage } from '../contracts/insert-page';
import type { Queryable } from '../database/connection';
import { quoteLiteral } from '../database/identifier';
import { textsHash } from '../database/row-hash';

/** The columns of a table's inserts, by name. */
export interface InsertColumns {
  /** Of the key, by their source names. */
  readonly key: readonly string[];
  /** That are written, by their target names. */
  readonly written: readonly string[];
  /** Of a source row, as it is read. */
  readonly read: readonly string[];
}

/**
 * The next inserts of a step that answer differences, were not left out and have no entry in the correction log yet; null:
 * none is left. Nothing of them is looked into here: a million rows pass through as a few texts.
 */
export async function nextInsertPage(
  ledger: Queryable,
  { runId, step, afterSeq }: { readonly runId: string; readonly step: number; readonly afterSeq: string },
  { key, written, read }: InsertColumns,
  limit: number,
): Promise<InsertPage | null> {
  const valueOf = (data: string) => (name: string) => `${data} ->> ${quoteLiteral(name)}`;
  const columns = [...key.map(valueOf('record_key')), ...written.map(valueOf('after_data'))];
  const lists = columns.map((value, i) => `array_agg(${value} order by seq) as "a${i}"`);
  const { rows } = await ledger.query<
    Record<'expected' | 'characters', string> & { readonly seqs: string | null } & Readonly<
        Record<`a${number}`, string>
      >
  >(
    `select array_agg(seq order by seq) as seqs, ${lists.join(', ')},
            string_agg(case when after_data ?& $5::text[] and source_data ?& $6::text[]
                                 and source_data - $6::text[] = '{}' then ${textsHash(read.map(valueOf('source_data')))}
                            else '' end, ',' order by seq) as expected,
            sum(pg_column_size(after_data)) as characters
       from (select seq, record_key, after_data, source_data from plan_item p
              where run_id = $1 and step = $2 and seq > $3 and operation = 'insert' and check_source
                and effect_of is null and not left_out
                and not exists (select 1 from correction_log c where c.run_id = p.run_id and c.seq = p.seq)
              order by seq limit $4) as page`,
    [runId, step, afterSeq, limit, written, read],
  );
  const page = rows[0];
  if (!page?.seqs) return null;
  const arrays = columns.map((_, i) => page[`a${i}`] ?? '{}');
  return {
    seqs: page.seqs.slice(1, -1).split(','),
    seqArray: page.seqs,
    keyArrays: arrays.slice(0, key.length),
    afterArrays: arrays.slice(key.length),
    expected: page.expected.split(','),
    characters: Number(page.characters),
  };
}
