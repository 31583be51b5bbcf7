import type { TableStatus } from '../contracts/run';
import type { Queryable } from '../database/connection';

export interface EarlierRun {
  readonly runId: string;
  readonly kind: 'reconcile' | 'undo' | 'review';
  /** In their order; none when it failed before it came to them. */
  readonly tables: readonly { readonly name: string; readonly status: TableStatus }[];
}

/** A run by its ID, or else the newest of that workflow ID; null when there is none. */
export async function findEarlierRun(ledger: Queryable, ref: string): Promise<EarlierRun | null> {
  const { rows } = await ledger.query<{ run_id: string; kind: EarlierRun['kind']; tables: string }>(
    `select run_id, kind,
            (select coalesce(jsonb_agg(jsonb_build_object('name', t.table_name, 'status', t.status)
                                       order by t.ordinal), '[]')
               from run_table t where t.run_id = run.run_id) as tables
       from run where run_id = $1 or workflow_id = $1
      order by run_id = $1 desc, started_at desc limit 1`,
    [ref],
  );
  const row = rows[0];
  if (!row) return null;
  return { runId: row.run_id, kind: row.kind, tables: JSON.parse(row.tables) as EarlierRun['tables'] };
}

/** What a comparison finds depends on all of it but this: how it is cut up, and what is done about findings. */
const compared = (alias: string) =>
  ['chunkRows', 'settle', 'corrections', 'critical', 'keySpelling']
    .map((field) => ` #- '{pair,${field}}'`)
    .reduce((text, less) => text + less, `(${alias}.comparison - 'notes' - 'changeTime'`) + ')';

/**
 * Gives a run the chunks that another one planned, with what it found in those that it finished; the others are to be
 * compared. A table that would be compared differently now is passed over: all of it is compared. What was taken over
 * stands in the table's notes. To be called within a transaction; called again for the same run it does nothing.
 */
export async function takeOver(session: Queryable, runId: string, from: string): Promise<void> {
  const { rows } = await session.query(
    'update run set resumed_from = $2 where run_id = $1 and resumed_from is null returning run_id',
    [runId, from],
  );
  if (rows.length === 0) return;
  await session.query(
    `insert into chunk
     select r.*
       from run_table n join run_table o on o.run_id = $2 and o.table_name = n.table_name
            join chunk c on c.run_id = o.run_id and c.table_name = o.table_name,
            jsonb_populate_record(c, jsonb_build_object('run_id', $1::text) ||
              case when c.status = 'done' then '{}'::jsonb
                   else '{"status": "planned", "attempts": 0, "error_code": null}'::jsonb end) as r
      where n.run_id = $1 and ${compared('n')} = ${compared('o')}`,
    [runId, from],
  );
  await session.query(
    `insert into candidate
     select r.*
       from chunk mine join candidate c
              on c.run_id = $2 and c.table_name = mine.table_name and c.chunk_no = mine.chunk_no,
            jsonb_populate_record(c, jsonb_build_object('run_id', $1::text, 'attempts', 0, 'moving', false, 'seen', 0,
              'merged', false,
              'state', 'open')) as r
      where mine.run_id = $1 and mine.status = 'done'`,
    [runId, from],
  );
  await session.query(
    `insert into replay (run_id, kind, subject, reading, side, received, streaming, seen_at)
     select $1, kind, subject, reading, side, received, streaming, seen_at from replay r
      where run_id = $2 and kind = 'rows' and reading = 0
        and exists (select 1 from chunk c where c.run_id = $1 and c.table_name = r.subject)`,
    [runId, from],
  );
  await session.query(
    `update run_table t
        set rows_compared = o.rows_compared, began_at = o.began_at, began_source = o.began_source,
            began_target = o.began_target, since_source = o.since_source, since_target = o.since_target,
            rows_note = o.rows_note
       from run_table o
      where t.run_id = $1 and o.run_id = $2 and o.table_name = t.table_name
        and exists (select 1 from chunk c where c.run_id = $1 and c.table_name = t.table_name)`,
    [runId, from],
  );
  await session.query(
    `insert into sample_estimate (run_id, table_name, seed, confidence, margin, wanted, rows_source, rows_target)
     select $1, table_name, seed, confidence, margin, wanted, rows_source, rows_target from sample_estimate s
      where run_id = $2 and exists (select 1 from chunk c where c.run_id = $1 and c.table_name = s.table_name)`,
    [runId, from],
  );
  await session.query(
    `update run_table t
        set comparison = jsonb_set(t.comparison, '{notes}', (t.comparison -> 'notes') || jsonb_build_array(
              case when m.chunks is null then 'compared anew: nothing of run ' || $2 || ' could be taken over'
                   else m.done || ' of ' || m.chunks || ' chunks were compared by run ' || $2
                     || coalesce(', until ' || to_char(m.until at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'), '')
              end))
       from run_table o left join lateral (
              select nullif(count(*), 0) as chunks, count(*) filter (where status = 'done') as done,
                     max(compared_at) as until
                from chunk c where c.run_id = $1 and c.table_name = o.table_name) as m on true
      where t.run_id = $1 and o.run_id = $1 and o.table_name = t.table_name`,
    [runId, from],
  );
}

/** Whether a run took over what another one had found. */
export async function isResumed(ledger: Queryable, runId: string): Promise<boolean> {
  const { rows } = await ledger.query('select 1 from run where run_id = $1 and resumed_from is not null', [runId]);
  return rows.length > 0;
}
