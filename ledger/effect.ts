import type { Comparison } from '../contracts/comparison';
import type { Operation } from '../contracts/correction';
import type { TextRow } from '../contracts/finding';
import type { PlanItem } from '../contracts/plan-item';
import type { Queryable } from '../database/connection';
import { PLAN_COLUMNS, toPlanItem, type PlanItemRow } from './plan';

/** A planned delete, of which effects may have to be found. */
export interface Cause {
  readonly seq: string;
  /** The delete that this one is an effect of, at the end of the chain; its own `seq` where it is none. */
  readonly root: string;
  readonly step: number;
  readonly needsApproval: boolean;
  readonly key: TextRow;
}

/** The tables that the plan deletes from at this distance from the first delete. */
export async function listTablesDeleted(ledger: Queryable, runId: string, level: number): Promise<readonly string[]> {
  const { rows } = await ledger.query<{ table_name: string }>(
    `select distinct table_name from plan_item
      where run_id = $1 and operation = 'delete' and effect_level = $2 order by table_name`,
    [runId, level],
  );
  return rows.map((row) => row.table_name);
}

/** The next deletes of a table at a distance from the first one, after `afterSeq`. */
export async function nextCauses(
  ledger: Queryable,
  runId: string,
  at: { readonly table: string; readonly level: number; readonly afterSeq: string },
  limit: number,
): Promise<readonly Cause[]> {
  const { rows } = await ledger.query<Record<'seq' | 'root' | 'step' | 'needs_approval' | 'record_key', string>>(
    `select seq, coalesce(effect_of, seq) as root, step, needs_approval, record_key from plan_item
      where run_id = $1 and table_name = $2 and operation = 'delete' and effect_level = $3 and seq > $4
      order by seq limit $5`,
    [runId, at.table, at.level, at.afterSeq, limit],
  );
  return rows.map((row) => ({
    seq: row.seq,
    root: row.root,
    step: Number(row.step),
    needsApproval: row.needs_approval === 't',
    key: JSON.parse(row.record_key) as TextRow,
  }));
}

export interface NewEffect {
  readonly root: string;
  readonly level: number;
  readonly step: number;
  readonly table: string;
  readonly operation: Extract<Operation, 'update' | 'delete'>;
  readonly keyDigest: string;
  readonly key: TextRow;
  readonly before: TextRow;
  readonly after: TextRow | null;
  readonly constraint: string;
  readonly needsApproval: boolean;
}

/**
 * Adds effects to a plan. A row that the plan deletes already is left as it is planned; one that it was only to change as
 * an effect is deleted instead, or changed in more columns: with the same delete, or with several that then go together.
 * A row whose difference is corrected otherwise is left to that: the delete is then refused when its turn comes, unless the
 * row refers to another by then.
 */
export async function insertEffects(ledger: Queryable, runId: string, effects: readonly NewEffect[]): Promise<number> {
  const { rowCount } = await ledger.query(
    `insert into plan_item as p (run_id, seq, step, table_name, operation, key_digest, record_key, before_data, after_data,
                            source_data, check_source, needs_approval, effect_of, effect_level, constraint_name)
     select $1, (select coalesce(max(seq), 0) from plan_item where run_id = $1) + n, (i ->> 'step')::int, i ->> 'table',
            i ->> 'operation', decode(i ->> 'keyDigest', 'hex'), i -> 'key', i -> 'before',
            nullif(i -> 'after', 'null'), null, false, (i ->> 'needsApproval')::boolean, (i ->> 'root')::bigint,
            (i ->> 'level')::int, i ->> 'constraint'
       from jsonb_array_elements($2::jsonb) with ordinality as t(i, n)
     on conflict (run_id, table_name, key_digest) do update
        set operation = excluded.operation, needs_approval = p.needs_approval or excluded.needs_approval,
            effect_level = case excluded.operation when 'delete' then excluded.effect_level
                                else greatest(p.effect_level, excluded.effect_level) end,
            effect_of = case excluded.operation when 'delete' then excluded.effect_of else p.effect_of end,
            effect_also = case when excluded.operation = 'delete' then null
                               when excluded.effect_of = p.effect_of or excluded.effect_of = any (p.effect_also)
                                 then p.effect_also
                               else p.effect_also || excluded.effect_of end,
            step = case excluded.operation when 'delete' then excluded.step else p.step end,
            constraint_name = case when excluded.operation = 'delete' then excluded.constraint_name
                                   else p.constraint_name || ', ' || excluded.constraint_name end,
            after_data = case excluded.operation when 'update' then p.after_data || excluded.after_data end
      where p.effect_of is not null and p.operation = 'update'`,
    [runId, JSON.stringify(effects)],
  );
  return rowCount ?? 0;
}

export async function countEffects(ledger: Queryable, runId: string): Promise<number> {
  const { rows } = await ledger.query<{ n: string }>(
    'select count(*) as n from plan_item where run_id = $1 and effect_of is not null',
    [runId],
  );
  return Number(rows[0]?.n ?? 0);
}

/** Each effect of the run $1, as `of`, beside each delete that it goes with, as `cause`. */
const GOES_WITH = `select seq as of, effect_of as cause from plan_item where run_id = $1 and effect_of is not null
   union all select seq, unnest(effect_also) from plan_item where run_id = $1 and effect_also is not null`;

/** Makes each delete need approval that has an effect which does, and all effects of one that does. */
export async function spreadApproval(ledger: Queryable, runId: string): Promise<void> {
  for (;;) {
    await ledger.query(
      `update plan_item p set needs_approval = true
        where run_id = $1 and not needs_approval
          and seq in (select g.cause from (${GOES_WITH}) as g join plan_item e on e.run_id = $1 and e.seq = g.of
                       where e.needs_approval)`,
      [runId],
    );
    const effects = await ledger.query(
      `update plan_item e set needs_approval = true
        where run_id = $1 and not needs_approval
          and seq in (select g.of from (${GOES_WITH}) as g join plan_item p on p.run_id = $1 and p.seq = g.cause
                       where p.needs_approval)`,
      [runId],
    );
    // An effect of several deletes hands it on from one of them to the others.
    if (effects.rowCount === 0) return;
  }
}

/**
 * Numbers a plan anew: within a step by level, the highest first, so that effects come before the deletes that cause them,
 * the farthest first, and rows of one table in the order in which they refer to each other. Only what gets another number
 * is written.
 */
export async function numberPlan(ledger: Queryable, runId: string): Promise<void> {
  await spreadApproval(ledger, runId);
  // By way of numbers below zero, so that no two items have one number meanwhile.
  await ledger.query(
    `with numbered as (
       select seq as old, row_number() over (
                order by step, effect_level desc, case when effect_of is not null then table_name end,
                         case when effect_of is not null then operation end,
                         case when effect_of is not null then length(record_key::text) end,
                         case when effect_of is not null then record_key::text end collate "C", seq) as new
         from plan_item where run_id = $1),
     further as (
       select i.seq as old, array_agg(n.new order by n.new) as new
         from plan_item i cross join lateral unnest(i.effect_also) as u(cause) join numbered n on n.old = u.cause
        where i.run_id = $1 and i.effect_also is not null group by i.seq)
     update plan_item p set seq = -n.new, effect_of = -c.new, effect_also = f.new
       from numbered n left join plan_item i on i.run_id = $1 and i.seq = n.old
            left join numbered c on c.old = i.effect_of left join further f on f.old = i.seq
      where p.run_id = $1 and p.seq = n.old
        and (n.new <> n.old or c.new <> i.effect_of or f.new is distinct from i.effect_also)`,
    [runId],
  );
  await ledger.query('update plan_item set seq = -seq, effect_of = -effect_of where run_id = $1 and seq < 0', [runId]);
}

/** Enters tables that only a plan touches. */
export async function insertPlanTable(ledger: Queryable, runId: string, comparison: Comparison): Promise<void> {
  await ledger.query(
    `insert into plan_table (run_id, table_name, comparison) values ($1, $2, $3::jsonb) on conflict do nothing`,
    [runId, comparison.pair.name, JSON.stringify(comparison)],
  );
}

/** The effects of these deletes in order, after `afterSeq`; among them those that go with others as well. */
export async function nextEffects(
  ledger: Queryable,
  runId: string,
  causes: readonly string[],
  afterSeq: string,
  limit: number,
): Promise<readonly PlanItem[]> {
  const { rows } = await ledger.query<PlanItemRow>(
    `select ${PLAN_COLUMNS}
       from (select * from plan_item where run_id = $1 and effect_of = any ($2::bigint[]) and seq > $3
             union all
             select * from plan_item
              where run_id = $1 and effect_also && $2::bigint[] and effect_of <> all ($2::bigint[]) and seq > $3) as plan_item
      order by seq limit $4`,
    [runId, causes, afterSeq, limit],
  );
  return rows.map(toPlanItem);
}

/** The deletes that are made together or not at all, as they have an effect in common: all of each effect. */
export async function listTiedDeletes(ledger: Queryable, runId: string): Promise<readonly (readonly string[])[]> {
  const { rows } = await ledger.query<{ seqs: string }>(
    `select distinct array_to_string(effect_of || effect_also, ',') as seqs
       from plan_item where run_id = $1 and effect_also is not null`,
    [runId],
  );
  return rows.map(({ seqs }) => seqs.split(','));
}

export interface PlannedEffect {
  readonly cause: string;
  readonly operation: Operation;
  /** The columns that it changes; none of a delete. */
  readonly columns: readonly string[];
}

/** Which of these rows the plan touches as effects: the digest of a row's key to what is done to it. */
export async function findPlannedEffects(
  ledger: Queryable,
  runId: string,
  table: string,
  keyDigests: readonly string[],
): Promise<ReadonlyMap<string, PlannedEffect>> {
  const { rows } = await ledger.query<{ digest: string; cause: string; operation: Operation; columns: string }>(
    `select encode(key_digest, 'hex') as digest, effect_of as cause, operation,
            to_json(array(select jsonb_object_keys(after_data)))::text as columns
       from plan_item
      where run_id = $1 and table_name = $2 and effect_of is not null
        and key_digest = any (select decode(d, 'hex') from unnest($3::text[]) as t(d))`,
    [runId, table, keyDigests],
  );
  return new Map(
    rows.map(({ digest, columns, ...planned }) => [digest, { ...planned, columns: JSON.parse(columns) as string[] }]),
  );
}
