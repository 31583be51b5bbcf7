import { plpgsql } from './plan-script-text';

/** PL/pgSQL that locks and reads rows. */
export const READ = `-- Locks the rows of open corrections, those to be deleted before what refers to them, and reads them as they are.
${plpgsql(
  'function pg_temp.trueup_read(roots bigint[]) returns void',
  `declare
  one record;
begin
  delete from pg_temp.trueup_row;
  for one in
    select t.name, t.read
      from pg_temp.trueup_item i join pg_temp.trueup_statement s on s.id = i.statement
           join pg_temp.trueup_table t on t.name = s.tab
     where i.state = 'open' and i.root = any (roots)
     group by t.name, t.read order by bool_or(i.seq = i.root) desc, t.name
  loop
    execute one.read using roots;
  end loop;
end`,
)}`;

/** PL/pgSQL that finds what the database would do by itself. */
export const UNPLANNED = `-- Leaves what the database would delete or change rows by that the plan does not; whether there was any.
${plpgsql(
  'function pg_temp.trueup_unplanned(roots bigint[]) returns boolean',
  `declare
  leaf record;
  fk record;
  hit record;
  any_hit boolean := false;
begin
  -- What several deletes change a row by is made with all of them or with none.
  for hit in
    select i.seq, i.root || i.also as causes
      from pg_temp.trueup_item i
     where i.state = 'open' and i.root = any (roots) and i.also is not null
       and exists (select 1 from unnest(i.also) as o(root)
                    where o.root <> all (roots)
                       or not exists (select 1 from pg_temp.trueup_item d where d.seq = o.root and d.state = 'open'))
  loop
    update pg_temp.trueup_item i
       set state = 'left', reason = format('correction %s goes with several deletes, not all of which are made with it', hit.seq)
     where i.root = any (hit.causes) and i.state = 'open';
    any_hit := true;
  end loop;
  for leaf in
    select distinct r.place as oid
      from pg_temp.trueup_item i join pg_temp.trueup_row r on r.seq = i.seq
           join pg_temp.trueup_statement s on s.id = i.statement
     where s.operation in ('delete', 'update') and i.state = 'open' and i.root = any (roots)
  loop
    for fk in
      select f.conname, e.operation, e.action, array_agg(pa.attname::text) as parents, f.conrelid::regclass::text as child,
             case when k.relkind = 'p' then '' else 'only' end as reach,
             string_agg(format('p.%I operator(%I.%s) c.%I', pa.attname, n.nspname, o.oprname, ca.attname), ' and ') as joined
        from pg_constraint f join pg_class k on k.oid = f.conrelid
             cross join lateral (values ('delete', f.confdeltype), ('update', f.confupdtype)) as e(operation, action)
             cross join unnest(f.conkey, f.confkey, f.conpfeqop) as u(child, parent, op)
             join pg_attribute ca on ca.attrelid = f.conrelid and ca.attnum = u.child
             join pg_attribute pa on pa.attrelid = f.confrelid and pa.attnum = u.parent
             join pg_operator o on o.oid = u.op join pg_namespace n on n.oid = o.oprnamespace
       where f.contype = 'f' and e.action in ('c', 'n', 'd') and f.conparentid = 0
         and (f.confrelid = leaf.oid or f.confrelid in (select relid from pg_partition_ancestors(leaf.oid)))
       group by f.oid, f.conname, e.operation, e.action, f.conrelid, k.relkind
    loop
      for hit in execute format(
        'select i.root, count(*) as n
           from pg_temp.trueup_item i join pg_temp.trueup_statement s on s.id = i.statement
                join pg_temp.trueup_row r on r.seq = i.seq
                join only %s p on p.ctid = r.at
                join %s %s c on %s
          where i.root = any ($1) and i.state = ''open'' and s.operation = $3 and r.place = $2
            and ($3 = ''delete'' or i.after ?| $4)
            and not ($3 = ''delete'' and exists (
              select 1 from pg_temp.trueup_item e join pg_temp.trueup_row x on x.seq = e.seq
                     join pg_temp.trueup_statement d on d.id = e.statement
               where x.place = c.tableoid and x.at = c.ctid and e.state = ''open'' and e.root = any ($1)
                 and (%L <> ''c'' or d.operation = ''delete'')))
          group by i.root', leaf.oid::regclass, fk.reach, fk.child, fk.joined, fk.action)
        using roots, leaf.oid, fk.operation, fk.parents
      loop
        update pg_temp.trueup_item i
           set state = 'left', reason = format('%s it would %s %s row(s) of %s that are not in the plan (%s)',
                 case fk.operation when 'delete' then 'deleting' else 'updating' end,
                 case fk.action when 'c' then case fk.operation when 'delete' then 'delete' else 'change' end when 'n' then 'set to NULL' else 'set to a default' end,
                 hit.n, fk.child, fk.conname)
         where i.root = hit.root and i.state = 'open';
        any_hit := true;
      end loop;
    end loop;
  end loop;
  return any_hit;
end`,
)}`;

/** PL/pgSQL that makes corrections together; `run`: the run's ID, quoted. */
export const changeText = (run: string) => `-- Makes corrections together: all that are as planned, or an error.
${plpgsql(
  'function pg_temp.trueup_change(roots bigint[]) returns void',
  `declare
  one record;
  changed bigint;
  counted jsonb := pg_temp.trueup_counters();
begin
  -- What can wait is looked at when all is done, below.
  set constraints all deferred;
  perform pg_temp.trueup_read(roots);
  -- What is not as planned is skipped, a delete with all that goes with it.
  update pg_temp.trueup_item i
     set state = 'skipped', reason = case when i.before is null then 'the target has the row by now'
           when r.seq is null then 'the target row is gone since the plan was made'
           else 'the target row was changed since the plan was made' end
    from pg_temp.trueup_item j left join pg_temp.trueup_row r on r.seq = j.seq
   where j.seq = i.seq and i.root = any (roots) and i.state = 'open' and r.held is distinct from i.before;
  update pg_temp.trueup_item i
     set state = 'skipped', reason = format('correction %s, which goes with it, is not as planned', s.seq)
    from (select root, min(seq) as seq from pg_temp.trueup_item where state = 'skipped' group by root) as s
   where i.root = s.root and i.root = any (roots) and i.state = 'open';
  while pg_temp.trueup_unplanned(roots) loop
    -- What is left now may have been what made others complete.
  end loop;
  -- What the database would do by itself, farthest first; then the corrections themselves.
  for one in
    select statement, min(seq) as first, max(seq) as last
      from (select seq, statement, row_number() over (order by seq)
                     - row_number() over (partition by statement order by seq) as island
              from pg_temp.trueup_item where state = 'open' and root = any (roots) and seq <> root) as e
     group by statement, island order by min(seq)
  loop
    execute (select change from pg_temp.trueup_statement where id = one.statement) using roots, one.first, one.last, false;
  end loop;
  for one in
    select i.statement, s.tab, s.operation, s.change, min(seq) as first, max(seq) as last, count(*) as n
      from pg_temp.trueup_item i join pg_temp.trueup_statement s on s.id = i.statement
     where i.state = 'open' and i.root = any (roots) and i.seq = i.root
     group by i.statement, s.tab, s.operation, s.change order by min(seq)
  loop
    execute one.change using roots, one.first, one.last, true;
    get diagnostics changed = row_count;
    if changed <> one.n and one.operation <> 'delete' then
      raise exception 'trueup: table %: % row(s) were to change, % did: a trigger, a rule or row security stands in the way',
        one.tab, one.n, changed;
    end if;
  end loop;
  set constraints all immediate;
  perform pg_temp.trueup_nothing_beside(roots, counted);
  perform pg_temp.trueup_read(roots);
  perform pg_temp.trueup_read_back(roots);
  insert into trueup_script.change (run_id, seq, table_name, operation, record_key, own_key, before_row, after_row)
  select ${run}, i.seq, s.tab, s.operation, i.key, i.own, i.before, r.held
    from pg_temp.trueup_item i join pg_temp.trueup_statement s on s.id = i.statement
         left join pg_temp.trueup_row r on r.seq = i.seq
   where i.state = 'open' and i.root = any (roots);
  update pg_temp.trueup_item i
     set state = 'done',
         reason = case when exists (select 1 from jsonb_each_text(j.after) as w(name, value)
                                     where not s.checks ? w.name and r.held ->> w.name is distinct from w.value)
                       then 'done, but a column that is not compared does not hold what was written: look for a trigger' end
    from pg_temp.trueup_item j join pg_temp.trueup_statement s on s.id = j.statement
         left join pg_temp.trueup_row r on r.seq = j.seq
   where j.seq = i.seq and i.state = 'open' and i.root = any (roots);
end`,
)}`;
