import { plpgsql } from './plan-script-text';

/** What a script raises when rows did not come out as planned; the detail has the reasons by the roots' numbers. */
export const NOT_AS_PLANNED = 'trueup: what came out is not what was planned';

/** PL/pgSQL that names what may have changed a row on its way in. */
export const SUSPECTS = `-- The enabled triggers and rules of a table for an operation; null: there are none.
${plpgsql(
  'function pg_temp.trueup_suspects(relation regclass, operation text) returns text',
  `begin
  return (
    select string_agg(what, ', ' order by what)
      from (select format('trigger "%s"', t.tgname) as what
              from pg_trigger t
             where (t.tgrelid = relation or t.tgrelid in (select relid from pg_partition_tree(relation)))
               and not t.tgisinternal and t.tgparentid = 0 and t.tgenabled in ('O', 'A')
               and t.tgtype & case operation when 'insert' then 4 when 'delete' then 8 else 16 end <> 0
            union
            select format('rule "%s"', r.rulename) from pg_rewrite r
             where r.ev_class = relation and r.ev_enabled in ('O', 'A')
               and r.ev_type = case operation when 'update' then '2' when 'insert' then '3' else '4' end::"char") as s);
end`,
)}`;

/** PL/pgSQL that holds rows against the plan after their change. */
export const READ_BACK = `-- Makes sure that each row came out as planned, in its key and all columns that are compared.
${plpgsql(
  'function pg_temp.trueup_read_back(roots bigint[]) returns void',
  `declare
  one record;
  same boolean;
  found text;
  wrong jsonb := '{}';
begin
  for one in
    select i.root, s.tab, s.operation, t.relation::regclass as relation, r.held, c.name, c.condition,
           case when i.wanted ? c.name then i.wanted ->> c.name when i.after ? c.name then i.after ->> c.name
                else i.before ->> c.name end as wanted
      from pg_temp.trueup_item i join pg_temp.trueup_statement s on s.id = i.statement
           join pg_temp.trueup_table t on t.name = s.tab
           left join pg_temp.trueup_row r on r.seq = i.seq
           left join lateral jsonb_each_text(s.checks) as c(name, condition) on r.held is not null
     where i.state = 'open' and i.root = any (roots)
       and case when s.operation = 'delete' then r.held is not null
                when r.held is null then true
                else r.held ->> c.name is distinct from
                     case when i.wanted ? c.name then i.wanted ->> c.name when i.after ? c.name then i.after ->> c.name
                          else i.before ->> c.name end end
     order by i.seq, c.name
  loop
    continue when wrong ? one.root::text;
    if one.operation = 'delete' then
      found := 'the row is still there';
    elsif one.held is null then
      found := format('no row is there under its key after the %s', one.operation);
    else
      same := false;
      if one.wanted is not null and one.held ->> one.name is not null then
        begin
          execute format('select coalesce((%s), false) from (values ($1, $2)) as t(a, b)', one.condition)
             into same using one.wanted, one.held ->> one.name;
        exception when others then
          -- Texts that the type does not take, or that have no equality, are what they are: not the same.
          if sqlstate !~ '^(0A|2[23]|42|P0)' then raise; end if;
        end;
      end if;
      continue when same;
      found := format('column %s', one.name);
    end if;
    wrong := wrong || jsonb_build_object(one.root::text, format(
      'what came out of it is not what was planned, so it was taken back: %s: a trigger, a rule, row security or a type stands in the way%s',
      found, coalesce(': look at ' || pg_temp.trueup_suspects(one.relation, one.operation),
        case when one.name is not null then format(': its type is %s', (
          select format_type(a.atttypid, a.atttypmod) from pg_attribute a
           where a.attrelid = one.relation and a.attname = one.name)) end, '')));
  end loop;
  if wrong <> '{}' then
    raise exception '${NOT_AS_PLANNED}' using detail = wrong::text;
  end if;
end`,
)}`;
