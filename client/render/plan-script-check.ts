import { quoteLiteral, quoteQualified } from '../../database/identifier';
import { BASE_TYPE } from '../../database/table-shape';
import { dollarQuoted } from './plan-script-text';

/** Stops a script that is on the wrong database, or whose plan Trueup has applied. */
export function checkText(run: { readonly runId: string; readonly database: string; readonly schema: string }): string {
  const runId = quoteLiteral(run.runId);
  const database = quoteLiteral(run.database);
  const stored = (name: string) => quoteLiteral(quoteQualified(run.schema, name));
  return `do ${dollarQuoted(`
declare
  one record;
  wrong text;
  done bigint;
begin
  if current_database() <> ${database} then
    raise exception 'trueup: this script is for the database %, and this is %', ${database}, current_database();
  end if;
  for one in select name, relation, columns, to_regclass(relation) as oid from pg_temp.trueup_table order by name loop
    if not exists (select 1 from pg_class c where c.oid = one.oid and c.relkind in ('r', 'p')) then
      raise exception 'trueup: % is no table here', one.relation;
    end if;
    select string_agg(format('%s is %s, was %s', w.name, coalesce(a.type, 'missing'), w.type), '; ') into wrong
      from jsonb_each_text(one.columns) as w(name, type)
           left join (select a.attname, format_type(${BASE_TYPE}, -1) as type from pg_attribute a
                       where a.attrelid = one.oid and a.attnum > 0 and not a.attisdropped) as a on a.attname = w.name
     where a.type is distinct from w.type;
    if wrong is not null then
      raise exception 'trueup: % is not what the plan was made for: %', one.relation, wrong;
    end if;
  end loop;
  for one in
    select name, to_regclass(name) as oid, condition
      from (values (${stored('correction_log')}, ' and status = ''SUCCESS'''), (${stored('before_image')}, '')) as t(name, condition)
  loop
    continue when one.oid is null;
    if not has_table_privilege(one.oid, 'select') then
      raise notice 'trueup: % may not be read, so whether Trueup applied the plan is seen by its rows alone', one.name;
      continue;
    end if;
    execute format('select count(*) from %s where run_id = $1%s', one.name, one.condition) into done using ${runId};
    if done > 0 then
      raise exception 'trueup: Trueup itself has made % corrections of run %', done, ${runId}
        using hint = 'What is left of the plan has to be planned anew: trueup run.';
    end if;
  end loop;
end `)};`;
}
