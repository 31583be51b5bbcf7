import type { Operation } from '../contracts/correction';
import type { TextRow } from '../contracts/finding';
import type { PlanItem } from '../contracts/plan-item';
import type { PlanLine } from '../contracts/run';
import type { Queryable } from '../database/connection';

/**
 * The tables of the run $1, with what a plan needs to know of each, taken out of its comparison once: names of the columns
 * that may be written (`renamed`: their names in the source, where one has another one there), and of those of a source
 * row that may not be written, or were not compared.
 */
const TABLES = `tables as materialized (
       select t.table_name, t.ordinal, t.status, count(*) over () as n, t.comparison -> 'pair' -> 'corrections' as policies,
              t.comparison -> 'pair' ->> 'keySpelling' as key_spelling,
              w.targets, case when w.sources <> w.targets then w.sources end as renamed,
              coalesce(jsonb_array_length(t.comparison -> 'unfilled'), 0) > 0 as unfilled,
              array(select unnest(c.sources) except select unnest(w.sources)) as unwritable,
              array(select unnest(w.sources) except select unnest(c.sources)) as uncompared
         from run_table t,
              lateral (select coalesce(array_agg(e ->> 'source' order by n), '{}') as sources,
                              coalesce(array_agg(e ->> 'target' order by n), '{}') as targets
                         from jsonb_array_elements(t.comparison -> 'writable') with ordinality as x(e, n)) as w,
              lateral (select coalesce(array_agg(e ->> 'source' order by n), '{}') as sources
                         from jsonb_array_elements(t.comparison -> 'columns') with ordinality as x(e, n)) as c
        where t.run_id = $1)`;

/**
 * Freezes the plan of a run from its findings and policies: inserts parents first, then updates, then deletes
 * children first. The order depends on the findings alone, so equal findings make an equal plan. A table that was not
 * compared to its end gets no deletes. Planning again replaces a plan that nothing was applied of. To be called within a
 * transaction: attempts that plan at once take turns.
 */
export async function insertPlan(session: Queryable, runId: string): Promise<void> {
  await session.query('select 1 from run where run_id = $1 for no key update', [runId]);
  const applied = await session.query('select 1 from correction_log where run_id = $1 limit 1', [runId]);
  if (applied.rows.length > 0) return;
  await session.query('delete from plan_item where run_id = $1', [runId]);
  await session.query(
    `with ${TABLES},
     planned as (
       select l.run_id, l.table_name, l.key_digest, l.record_key, l.source_data, l.target_data, l.differences,
              l.record_key::text as key_text, t.key_spelling, t.targets, t.renamed, t.unwritable, t.uncompared,
              t.status as table_status, t.policies ->> k.kind as policy, k.operation,
              case k.operation when 'insert' then t.ordinal when 'update' then t.n + t.ordinal
                   else 3 * t.n - t.ordinal + 1 end as step
         from reconciliation_log l join tables t using (table_name)
              join (values ('missing_in_target', 'missing', 'insert'), ('extra_in_target', 'extra', 'delete'),
                           ('field_mismatch', 'mismatched', 'update')) as k(type, kind, operation)
                on k.type = l.inconsistency_type
        where l.run_id = $1
          -- A row without a key of its own cannot be corrected by one.
          and l.counts is null
          -- Which row it would be of is not clear.
          and not l.held
          -- What a check says of rows is for people; comparing them is what makes corrections.
          and l.check_kind is null
          -- A column that nothing fills would refuse each of them.
          and not (k.operation = 'insert' and t.unfilled)
          -- What a reviewer decided to keep stays as it is, whatever the policy.
          and l.resolution <> 'KEPT_TARGET'),
     items as (
       select p.*,
              case p.operation
                when 'insert' then
                  nullif(case when p.renamed is null then p.source_data - p.unwritable
                              else (select jsonb_object_agg(w.target, p.source_data -> w.source)
                                      from unnest(p.targets, p.renamed) as w(target, source)) end, '{}')
                when 'update' then
                  (select jsonb_object_agg(d ->> 'targetName', d -> 'source')
                     from jsonb_array_elements(p.differences) as e(d)
                    where d ->> 'targetName' = any (p.targets)
                      -- The spelling of a key that is equal otherwise stays, unless the policy says that it does not.
                      and (p.key_spelling = 'source' or not jsonb_exists(p.record_key, d ->> 'name')))
              end as after_data,
              case p.operation when 'update' then p.source_data - p.uncompared else p.source_data end as expected_source
         from planned p
        where p.policy in ('auto', 'approve')
          and (p.operation <> 'delete' or p.table_status in ('consistent', 'inconsistent')))
     insert into plan_item (run_id, seq, step, table_name, operation, key_digest, record_key, before_data, after_data,
                            source_data, check_source, needs_approval)
     select run_id, row_number() over (order by step, length(key_text), key_text collate "C"), step,
            table_name, operation, key_digest, record_key, target_data, after_data, expected_source, true,
            policy = 'approve'
       from items
      where operation = 'delete' or after_data is not null`,
    [runId],
  );
}

/** The digest of a run's plan where it is frozen; others that would freeze it wait for this transaction. */
export async function readFrozenPlan(session: Queryable, runId: string): Promise<string | null> {
  const { rows } = await session.query<{ plan_digest: string | null }>(
    'select plan_digest from run where run_id = $1 for no key update',
    [runId],
  );
  return rows[0]?.plan_digest ?? null;
}

export async function countPlan(ledger: Queryable, runId: string): Promise<number> {
  const { rows } = await ledger.query<{ n: string }>('select count(*) as n from plan_item where run_id = $1', [runId]);
  return Number(rows[0]?.n ?? 0);
}

/** Counts of the plan by table and operation, in the order in which they are applied. */
export async function readPlanLines(ledger: Queryable, runId: string): Promise<readonly PlanLine[]> {
  const { rows } = await ledger.query<
    Record<'table_name' | 'needs_approval' | 'n' | 'left_out', string> & {
      operation: Operation;
      cause: string | null;
      triggers: string | null;
    }
  >(
    `select p.table_name, p.operation, p.needs_approval, c.table_name as cause, count(*) as n,
            count(*) filter (where p.left_out) as left_out,
            (select f -> 'names' from run r, jsonb_array_elements(r.triggers) as e(f)
              where r.run_id = $1 and f ->> 'table' = p.table_name and f ->> 'operation' = p.operation) as triggers
       from plan_item p left join plan_item c on c.run_id = p.run_id and c.seq = p.effect_of
      where p.run_id = $1
      group by p.step, p.table_name, p.operation, p.needs_approval, c.table_name
      order by p.step, c.table_name is null, p.table_name, p.operation, p.needs_approval`,
    [runId],
  );
  return rows.map((row) => ({
    table: row.table_name,
    operation: row.operation,
    rows: Number(row.n),
    needsApproval: row.needs_approval === 't',
    ...(row.cause === null ? {} : { effectOf: row.cause }),
    ...(row.triggers === null ? {} : { triggers: JSON.parse(row.triggers) as string[] }),
    ...(row.left_out === '0' ? {} : { leftOut: Number(row.left_out) }),
  }));
}

/**
 * The steps of the plan in order, without what an approval left out; the items of one step concern one table and one operation, but for the effects of
 * deletes, which are carried out with those.
 */
export async function listPlanSteps(ledger: Queryable, runId: string) {
  const { rows } = await ledger.query<{ step: string; table_name: string; operation: Operation; n: string }>(
    `select step, min(table_name) filter (where effect_of is null) as table_name,
            min(operation) filter (where effect_of is null) as operation, count(*) as n
       from plan_item where run_id = $1 and not left_out group by step order by step`,
    [runId],
  );
  return rows.map((row) => ({
    step: Number(row.step),
    table: row.table_name,
    operation: row.operation,
    rows: Number(row.n),
  }));
}

export interface PlanItemRow {
  seq: string;
  table_name: string;
  operation: Operation;
  needs_approval: string;
  record_key: string;
  before_data: string | null;
  after_data: string | null;
  source_data: string | null;
  check_source: string;
  effect_of: string | null;
  effect_also: string | null;
  constraint_name: string | null;
  forced: string;
  left_out: string;
  given: string | null;
}

const FIELDS = [
  ...['seq', 'table_name', 'operation', 'needs_approval', 'record_key', 'before_data', 'after_data', 'source_data'],
  ...['check_source', 'effect_of', 'effect_also', 'constraint_name', 'forced', 'left_out'],
];
const fields = (prefix: string) =>
  [...FIELDS.map((name) => prefix + name), `to_json(${prefix}given) as given`].join(', ');
export const PLAN_COLUMNS = fields('');

function parseRow(json: string): TextRow {
  return JSON.parse(json) as TextRow;
}

export function toPlanItem(row: PlanItemRow): PlanItem {
  return {
    seq: row.seq,
    table: row.table_name,
    operation: row.operation,
    needsApproval: row.needs_approval === 't',
    key: parseRow(row.record_key),
    before: row.before_data === null ? null : parseRow(row.before_data),
    after: row.after_data === null ? null : parseRow(row.after_data),
    source: row.source_data === null ? null : parseRow(row.source_data),
    checkSource: row.check_source === 't',
    ...(row.effect_of === null ? {} : { effectOf: row.effect_of }),
    ...(row.effect_also === null ? {} : { effectAlso: row.effect_also.slice(1, -1).split(',') }),
    ...(row.constraint_name === null ? {} : { constraint: row.constraint_name }),
    ...(row.forced === 't' ? { forced: true } : {}),
    ...(row.left_out === 't' ? { leftOut: true } : {}),
    ...(row.given === null ? {} : { given: JSON.parse(row.given) as string[] }),
  };
}

const PAGE = 1_000;

/** Every item of a plan in order, a page at a time. */
export async function* streamPlan(ledger: Queryable, runId: string): AsyncIterable<PlanItem> {
  let after = '0';
  for (;;) {
    const { rows } = await ledger.query<PlanItemRow>(
      `select ${PLAN_COLUMNS} from plan_item where run_id = $1 and seq > $2 order by seq limit ${PAGE}`,
      [runId, after],
    );
    for (const row of rows) yield toPlanItem(row);
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return;
    after = last.seq;
  }
}

/** The compared tables that the plan inserts into. */
export async function listInsertedTables(ledger: Queryable, runId: string): Promise<readonly string[]> {
  const { rows } = await ledger.query<{ table_name: string }>(
    `select table_name from run_table t
      where run_id = $1 and exists (select 1 from plan_item p where p.run_id = t.run_id and p.table_name = t.table_name
                                                                and p.operation = 'insert')
      order by ordinal`,
    [runId],
  );
  return rows.map((row) => row.table_name);
}

/** The next items of a step that were not left out and have no entry in the correction log yet, without effects. */
export async function nextPlanItems(
  ledger: Queryable,
  runId: string,
  step: number,
  afterSeq: string,
  limit: number,
): Promise<readonly PlanItem[]> {
  const { rows } = await ledger.query<PlanItemRow>(
    `select ${fields('p.')} from plan_item p
      where run_id = $1 and step = $2 and seq > $3 and effect_of is null and not left_out
        and not exists (select 1 from correction_log c where c.run_id = p.run_id and c.seq = p.seq)
      order by seq limit $4`,
    [runId, step, afterSeq, limit],
  );
  return rows.map(toPlanItem);
}

/** These items of a plan, in order. */
export async function listPlanItems(
  ledger: Queryable,
  runId: string,
  seqs: readonly string[],
): Promise<readonly PlanItem[]> {
  const { rows } = await ledger.query<PlanItemRow>(
    `select ${PLAN_COLUMNS} from plan_item where run_id = $1 and seq = any ($2::bigint[]) order by seq`,
    [runId, seqs],
  );
  return rows.map(toPlanItem);
}

/** Items of any step, without effects, that have no entry in the correction log yet; in order, after `afterSeq`. */
export async function nextOpenItems(
  ledger: Queryable,
  runId: string,
  afterSeq: string,
  limit: number,
): Promise<readonly PlanItem[]> {
  const { rows } = await ledger.query<PlanItemRow>(
    `select ${fields('p.')} from plan_item p
      where run_id = $1 and seq > $2 and effect_of is null and not left_out
        and not exists (select 1 from correction_log c where c.run_id = p.run_id and c.seq = p.seq)
      order by seq limit $3`,
    [runId, afterSeq, limit],
  );
  return rows.map(toPlanItem);
}

/** The items of a table whose corrections succeeded, after `afterSeq`, in order. */
export async function nextVerifiableItems(
  ledger: Queryable,
  runId: string,
  table: string,
  afterSeq: string,
  limit: number,
): Promise<readonly PlanItem[]> {
  const { rows } = await ledger.query<PlanItemRow>(
    `select ${fields('p.')}
       from plan_item p join correction_log c using (run_id, seq)
      where p.run_id = $1 and p.table_name = $2 and p.seq > $3 and c.status = 'SUCCESS'
      order by p.seq limit $4`,
    [runId, table, afterSeq, limit],
  );
  return rows.map(toPlanItem);
}
