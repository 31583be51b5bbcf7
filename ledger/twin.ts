import type { RowInconsistencyType, TextRow } from '../contracts/finding';
import type { Queryable } from '../database/connection';

/**
 * Makes one of what was found of a row under two spellings of its key, whichever chunk came upon it, and in whatever order:
 * it is reported under the source's, or under that by which alone it is found. Rows that are one key on the other side are
 * each reported as what only their own side has, and nothing is planned for them. Nor is it for rows of one side of the
 * kinds `unasked`: the other side may have them under a spelling that nobody has come upon.
 *
 * To be called once the table's candidates are closed; called again it changes nothing.
 */
export async function mergeTwins(
  ledger: Queryable,
  runId: string,
  table: string,
  unasked: readonly RowInconsistencyType[],
): Promise<void> {
  const { rows } = await ledger.query(
    `select 1 from candidate where run_id = $1 and table_name = $2 and twin_digest is not null limit 1`,
    [runId, table],
  );
  if (rows.length > 0) {
    await ledger.query(
      `update candidate x set merged = true
         from candidate c
        where c.run_id = $1 and c.table_name = $2 and c.twin_digest is not null and c.state <> 'transient'
          and x.run_id = c.run_id and x.table_name = c.table_name and x.key_digest = c.twin_digest
          and case when x.twin_digest is not null then x.twin_digest = c.key_digest and x.twin_role = 'source'
                   else x.inconsistency_type = case c.twin_role when 'target' then 'extra_in_target'
                                                                else 'missing_in_target' end end`,
      [runId, table],
    );
    await ledger.query(
      `update candidate x
          set held = true, columns = '[]',
              inconsistency_type = case x.twin_role when 'target' then 'missing_in_target' else 'extra_in_target' end,
              source_data = case x.twin_role when 'target' then x.source_data end,
              target_data = case x.twin_role when 'source' then x.target_data end,
              detail = case x.twin_role when 'target'
                         then 'two rows of the source are one key in the target, which has a row under a third spelling'
                         else 'two rows of the target are one key in the source, which has a row under a third spelling' end
         from (select twin_digest, twin_role from candidate
                where run_id = $1 and table_name = $2 and twin_digest is not null and not merged and state <> 'transient'
                group by twin_digest, twin_role having count(*) > 1) as c
        where x.run_id = $1 and x.table_name = $2 and x.twin_digest = c.twin_digest and x.twin_role = c.twin_role`,
      [runId, table],
    );
  }
  if (unasked.length === 0) return;
  await ledger.query(
    `update candidate
        set held = true, detail = 'the other side may have the row under another spelling of its key, which was not compared'
      where run_id = $1 and table_name = $2 and inconsistency_type = any ($3::text[]) and counts is null and detail is null
        and not merged`,
    [runId, table, unasked],
  );
}

/** The rows of the source alone, by page from the key digest `after` on; those for which nothing is planned are left out. */
export async function nextMissing(
  ledger: Queryable,
  { runId, table }: { readonly runId: string; readonly table: string },
  after: string,
  limit: number,
): Promise<readonly { readonly id: string; readonly key: TextRow }[]> {
  const { rows } = await ledger.query<{ id: string; record_key: string }>(
    `select encode(key_digest, 'hex') as id, record_key from candidate
      where run_id = $1 and table_name = $2 and inconsistency_type = 'missing_in_target' and counts is null
        and state in ('open', 'settled') and not merged and not held and key_digest > decode($3, 'hex')
      order by key_digest limit $4`,
    [runId, table, after, limit],
  );
  return rows.map(({ id, record_key: key }) => ({ id, key: JSON.parse(key) as TextRow }));
}

export async function countMissing(ledger: Queryable, runId: string, table: string): Promise<number> {
  const { rows } = await ledger.query<{ n: string }>(
    `select count(*) as n from candidate
      where run_id = $1 and table_name = $2 and inconsistency_type = 'missing_in_target' and counts is null
        and state in ('open', 'settled') and not merged and not held`,
    [runId, table],
  );
  return Number(rows[0]?.n ?? 0);
}

/** Plans nothing for rows of the source of which the target can have one only. All that are one key come at once. */
export async function holdMissing(
  ledger: Queryable,
  runId: string,
  table: string,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  await ledger.query(
    `update candidate set held = true, detail = 'two rows of the source are one key in the target, which has neither'
      where run_id = $1 and table_name = $2
        and key_digest = any (array(select decode(e, 'hex') from unnest($3::text[]) as t(e)))`,
    [runId, table, ids],
  );
}
