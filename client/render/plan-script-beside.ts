import { COUNTERS_JSON, CHANGED_TABLES } from '../../database/change-counters';
import { quoteLiteral } from '../../database/identifier';
import { plpgsql } from './plan-script-text';

/** What holds for changes beside the plan: tables of the config, those that may be changed, and which tables rule all out. */
export interface ScriptTerm {
  readonly kind: 'config' | 'allow' | 'forbid';
  /** The table of the plan that it holds for; null: for all. */
  readonly table: string | null;
  /** A relation, quoted; null: it is about none. */
  readonly relation: string | null;
}

/** Enters what holds for changes beside the plan. */
export function scriptTermsText(terms: readonly ScriptTerm[]): string {
  const word = (text: string | null) => (text === null ? 'null' : quoteLiteral(text));
  const rows = terms.map(({ kind, table, relation }) => `(${[kind, table, relation].map(word).join(', ')})`);
  return rows.length === 0
    ? ''
    : `insert into pg_temp.trueup_term (kind, tab, relation) values\n${rows.join(',\n')};\n`;
}

export const BESIDE_TABLES = `-- Which tables may not be changed beside the plan, and what was changed beside it elsewhere.
create temp table trueup_term (kind text not null, tab text, relation text);
create temp table trueup_beside (
  relation text primary key, inserted bigint not null, updated bigint not null, deleted bigint not null,
  rewritten boolean not null
);`;

/** PL/pgSQL that proves by the server's own counters that nothing was changed beside the plan. */
export const BESIDE = `-- How many rows of which table the session has changed so far, as the server counts.
${plpgsql(
  'function pg_temp.trueup_counters() returns jsonb',
  `begin
  if current_setting('track_counts') <> 'on' then perform set_config('track_counts', 'on', false); end if;
  return ${COUNTERS_JSON};
end`,
)}

-- Compares what was changed since then with what the open corrections are: an error where rows were changed beside them that may not be.
${plpgsql(
  'function pg_temp.trueup_nothing_beside(roots bigint[], counted jsonb) returns void',
  `declare
  one record;
begin
  for one in
    with recursive changed as (
      select c.oid::oid as oid, format('%I.%I', c.schema, c.name) as relation, c.rewritten,
             c.i - coalesce((counted -> c.oid::text ->> 0)::bigint, 0) as i,
             c.u - coalesce((counted -> c.oid::text ->> 1)::bigint, 0) as u,
             c.d - coalesce((counted -> c.oid::text ->> 2)::bigint, 0) as d
        from (${CHANGED_TABLES}) as c
    ), part as (
      select oid as leaf, oid as whole from changed where i <> 0 or u <> 0 or d <> 0 or rewritten
      union select p.leaf, h.inhparent from part p join pg_inherits h on h.inhrelid = p.whole
    ), said as (
      select to_regclass(t.relation)::oid as oid, min(to_regclass(t.relation)::text) as relation,
             count(*) filter (where s.operation = 'insert') as i,
             -- What is deleted with another row may have been changed by the database before.
             count(*) filter (where s.operation = 'update' or (s.operation = 'delete' and m.seq <> m.root)) as u,
             count(*) filter (where s.operation = 'delete') as d,
             count(*) filter (where s.operation = 'update') as own_u
        from pg_temp.trueup_item m join pg_temp.trueup_statement s on s.id = m.statement
             join pg_temp.trueup_table t on t.name = s.tab
       where m.state = 'open' and m.root = any (roots) group by 1
    ), grouped as (
      -- Rows of a table in parts are those of the table.
      select coalesce(s.relation, c.relation) as relation, min(c.oid) as leaf, bool_or(c.rewritten) as rewritten,
             sum(c.i) - coalesce(min(s.i), 0) as i, sum(c.u) - coalesce(min(s.u), 0) as u, sum(c.d) - coalesce(min(s.d), 0) as d,
             sum(c.u) - coalesce(min(s.own_u), 0) as own_u
        from changed c left join lateral (
               select said.* from part p join said on said.oid = p.whole where p.leaf = c.oid order by said.oid limit 1
             ) as s on true
       where c.i <> 0 or c.u <> 0 or c.d <> 0 or c.rewritten
       group by 1
    ), moved as (
      -- A row that moves to another partition is counted as one deleted and one inserted, instead of one updated.
      select *, greatest(0, least(i, d, -own_u)) as m from grouped
    )
    select g.relation, greatest(0, i - m)::bigint as inserted, greatest(0, u)::bigint as updated, greatest(0, d - m)::bigint as deleted,
           g.rewritten,
           not exists (select 1 from pg_temp.trueup_term t join part p on p.whole = to_regclass(t.relation)
                        where t.kind = 'allow' and p.leaf = g.leaf and (t.tab is null or t.tab in (
                          select s.tab from pg_temp.trueup_item m join pg_temp.trueup_statement s on s.id = m.statement
                           where m.state = 'open' and m.root = any (roots))))
           and (exists (select 1 from pg_temp.trueup_term t join part p on p.whole = to_regclass(t.relation)
                         where t.kind = 'config' and p.leaf = g.leaf)
                or exists (select 1 from pg_temp.trueup_term t where t.kind = 'forbid' and t.tab in (
                          select s.tab from pg_temp.trueup_item m join pg_temp.trueup_statement s on s.id = m.statement
                           where m.state = 'open' and m.root = any (roots)))) as wrong
      from moved g where i - m > 0 or u > 0 or d - m > 0 or rewritten
     order by wrong desc, g.relation
  loop
    if one.wrong then
      raise exception 'trueup: the correction also changed rows of % (% inserted, % updated, % deleted%) beside the plan, by a trigger or a rule: it was rolled back',
        one.relation, one.inserted, one.updated, one.deleted, case when one.rewritten then ', truncated or altered' else '' end;
    end if;
    insert into pg_temp.trueup_beside as b values (one.relation, one.inserted, one.updated, one.deleted, one.rewritten)
    on conflict (relation) do update
       set inserted = b.inserted + excluded.inserted, updated = b.updated + excluded.updated,
           deleted = b.deleted + excluded.deleted, rewritten = b.rewritten or excluded.rewritten;
  end loop;
end`,
)}`;

/** PL/pgSQL statements, for one record `one`, that say what was changed beside the plan. */
export const BESIDE_SAID = `for one in select * from pg_temp.trueup_beside order by relation loop
    raise notice 'trueup: BESIDE THE PLAN, by triggers or rules: %: % inserted, % updated, % deleted%; giving back does not undo it',
      one.relation, one.inserted, one.updated, one.deleted, case when one.rewritten then ', truncated or altered' else '' end;
  end loop;`;
