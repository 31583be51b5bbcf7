import type { Operation } from '../contracts/correction';
import type { TextRow } from '../contracts/finding';
import type { PlanItem } from '../contracts/plan-item';
import type { UndoScope } from '../contracts/undo';
import type { Queryable } from '../database/connection';
import { appendCorrections } from './correction';

/** Keeps with an undo what it gives back; what was said first stands. */
export async function setUndoScope(ledger: Queryable, runId: string, scope: UndoScope): Promise<void> {
  await ledger.query('update run set undo = $2::jsonb where run_id = $1 and undo is null', [
    runId,
    JSON.stringify(scope),
  ]);
}

/** What an undo gives back; one of an earlier version gives back all, and did not ask. */
export async function readUndoScope(ledger: Queryable, runId: string): Promise<UndoScope> {
  const { rows } = await ledger.query<{ undo: string | null }>('select undo from run where run_id = $1', [runId]);
  return parseUndoScope(rows[0]?.undo ?? null);
}

export function parseUndoScope(json: string | null): UndoScope {
  if (json === null) return { tables: null, corrections: null, force: false, policy: 'auto' };
  return JSON.parse(json) as UndoScope;
}

export interface UndoPlanItem extends Omit<PlanItem, 'source' | 'checkSource'> {
  readonly step: number;
  readonly keyDigest: string;
  /** The number of the correction that it takes back. */
  readonly undoes: string;
}

/** Adds items to the plan of an undo; adding one again changes nothing. */
export async function insertUndoItems(ledger: Queryable, runId: string, items: readonly UndoPlanItem[]): Promise<void> {
  if (items.length === 0) return;
  await ledger.query(
    `insert into plan_item (run_id, seq, step, table_name, operation, key_digest, record_key, before_data, after_data,
                            source_data, check_source, needs_approval, undoes, forced)
     select $1, (i ->> 'seq')::bigint, (i ->> 'step')::int, i ->> 'table', i ->> 'operation',
            decode(i ->> 'keyDigest', 'hex'), i -> 'key', nullif(i -> 'before', 'null'),
            nullif(i -> 'after', 'null'), null, false, (i ->> 'needsApproval')::boolean, (i ->> 'undoes')::bigint,
            coalesce((i ->> 'forced')::boolean, false)
       from jsonb_array_elements($2::jsonb) as t(i)
      where not exists (select 1 from correction_log c where c.run_id = $1 and c.seq = (i ->> 'seq')::bigint)
     on conflict do nothing`,
    [runId, JSON.stringify(items)],
  );
}

/**
 * The numbers of a run's corrections that are asked for, from the highest down, below `belowSeq`: those themselves, and
 * what the database would have done by itself because of them.
 */
export async function previousAsked(
  ledger: Queryable,
  runId: string,
  { tables, corrections }: Pick<UndoScope, 'tables' | 'corrections'>,
  belowSeq: string,
  limit: number,
): Promise<readonly string[]> {
  const { rows } = await ledger.query<{ seq: string }>(
    `select i.seq from plan_item i join plan_item c on c.run_id = $1 and c.seq = coalesce(i.effect_of, i.seq)
      where i.run_id = $1 and i.seq < $4::bigint
        and (($2::text[] is null or c.table_name = any ($2::text[]))
               and ($3::bigint[] is null or c.seq = any ($3::bigint[]))
             or ($2::text[] is null or i.table_name = any ($2::text[]))
               and ($3::bigint[] is null or i.seq = any ($3::bigint[])))
      order by i.seq desc limit $5`,
    [runId, tables, corrections, belowSeq, limit],
  );
  return rows.map(({ seq }) => seq);
}

/**
 * Deletes that have a row in common, which all of them change, of which a part is asked for: the row can only be given back
 * with all of them. Null: there are none.
 */
export async function findTiedDeletes(
  ledger: Queryable,
  runId: string,
  { tables, corrections }: Pick<UndoScope, 'tables' | 'corrections'>,
): Promise<{ readonly table: string; readonly deletes: readonly string[] } | null> {
  const asked = (item: string) =>
    `(($2::text[] is null or ${item}.table_name = any ($2::text[])) and ($3::bigint[] is null or ${item}.seq = any ($3::bigint[])))`;
  const { rows } = await ledger.query<{ table_name: string; deletes: string }>(
    `select i.table_name, to_jsonb(array_agg(c.table_name || ' ' || c.seq order by c.seq)) as deletes
       from plan_item i cross join lateral unnest(i.effect_also || i.effect_of) as u(cause)
            join plan_item c on c.run_id = i.run_id and c.seq = u.cause
      where i.run_id = $1 and i.effect_also is not null
      group by i.seq, i.table_name
     having (bool_or${asked('c')} or bool_or${asked('i')}) and not bool_and${asked('c')}
      order by i.seq limit 1`,
    [runId, tables, corrections],
  );
  const [row] = rows;
  return row ? { table: row.table_name, deletes: JSON.parse(row.deletes) as string[] } : null;
}

/** A correction that an undo leaves as it is, since its row was changed afterwards. */
export interface RefusedUndo {
  readonly seq: string;
  readonly table: string;
  readonly operation: Operation;
  readonly key: TextRow;
  readonly before: TextRow | null;
  readonly after: TextRow | null;
  /** What differs, with values. */
  readonly error: string;
}

/** Enters what an undo does not even plan, as SKIPPED_STALE; entering it again changes nothing. */
export async function insertRefused(ledger: Queryable, runId: string, refused: readonly RefusedUndo[]): Promise<void> {
  if (refused.length === 0) return;
  await appendCorrections(
    ledger,
    runId,
    `select (r ->> 'seq')::bigint as seq, r ->> 'table' as table_name, r ->> 'operation' as operation,
            r -> 'key' as record_key, nullif(r -> 'before', 'null') as before_data,
            nullif(r -> 'after', 'null') as after_data, 'SKIPPED_STALE' as status, r ->> 'error' as error,
            null::text as approver, false as forced
       from jsonb_array_elements($2::jsonb) as t(r)
      where not exists (select 1 from plan_item p where p.run_id = $1 and p.seq = (r ->> 'seq')::bigint)`,
    [JSON.stringify(refused)],
  );
}
