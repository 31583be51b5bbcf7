import { BASE_TYPE } from '../../database/table-shape';
import { quoteLiteral, quoteQualified } from '../../database/identifier';

/** Quotes text in dollars, under a tag that the text does not hold: nothing in it is read as SQL or by psql. */
export function dollarQuoted(text: string): string {
  let tag = '$trueup$';
  for (let n = 1; text.includes(tag); n += 1) tag = `$trueup${n}$`;
  return `${tag}${text}${tag}`;
}

/** The tables that a script works with; but for the last they are gone with its session. */
export const SCRIPT_TABLES = `-- The corrections of one batch; each commit empties it.
create temp table trueup_item (
  seq bigint primary key,      -- its number in the plan
  root bigint not null,        -- the delete that it goes with; its own number where it goes with none
  statement integer not null,  -- what makes it: pg_temp.trueup_statement
  key jsonb not null,          -- the values of the key
  before jsonb,                -- the whole row as it has to be, column to text form; null: there must be none
  after jsonb,                 -- what is written, column to text form; null: the row is deleted
  own jsonb,                   -- the key as the index has it, where that is of another type
  state text not null default 'open',
  reason text
) on commit delete rows;
-- The rows of the batch as they are, locked.
create temp table trueup_row (
  seq bigint primary key, place oid not null, at tid not null, held jsonb not null
) on commit delete rows;
-- What another row is in the way of; it is tried again at the end.
create temp table trueup_left (
  batch bigint not null, seq bigint primary key, root bigint not null, statement integer not null,
  key jsonb not null, before jsonb, after jsonb, own jsonb, reason text
);
create temp table trueup_table (
  name text primary key, relation text not null, columns jsonb not null, read text not null
);
create temp table trueup_statement (
  id integer primary key, tab text not null, operation text not null, change text not null
);
-- What gives back the operations of a table: the columns that are written again, and the statement.
create temp table trueup_back (
  tab text not null, operation text not null, statement integer not null, columns text[] not null,
  primary key (tab, operation)
);
create temp table trueup_count (
  tab text, operation text, state text, n bigint not null, primary key (tab, operation, state)
);
-- What was done, with each row before and after: it stays, and a correction that stands there is not made again.
-- What was given back stands there under its number below zero.
do $trueup$
begin
  if to_regnamespace('trueup_script') is null then create schema trueup_script; end if;
  if to_regclass('trueup_script.change') is null then
    create table trueup_script.change (
      run_id text not null, seq bigint not null, table_name text not null, operation text not null,
      record_key jsonb not null, own_key jsonb, before_row jsonb, after_row jsonb,
      changed_at timestamptz not null default clock_timestamp(), changed_by text not null default session_user,
      primary key (run_id, seq)
    );
  end if;
end $trueup$;`;

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

/** What makes the corrections of a batch. */
export function libraryText(runId: string): string {
  const run = quoteLiteral(runId);
  return `${READ}

${UNPLANNED}

${changeText(run)}

${TRY}

${applyText(run)}

${FINISH}

${giveBackText(run)}`;
}

const fn = (head: string, body: string) => `create ${head} language plpgsql as ${dollarQuoted(`\n${body}\n`)};`;

const READ = `-- Locks the rows of open corrections, those to be deleted before what refers to them, and reads them as they are.
${fn(
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

const UNPLANNED = `-- Leaves what the database would delete or change rows by that the plan does not; whether there was any.
${fn(
  'function pg_temp.trueup_unplanned(roots bigint[]) returns boolean',
  `declare
  leaf record;
  fk record;
  hit record;
  any_hit boolean := false;
begin
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

const changeText = (run: string) => `-- Makes corrections together: all that are as planned, or an error.
${fn(
  'function pg_temp.trueup_change(roots bigint[]) returns void',
  `declare
  one record;
  changed bigint;
begin
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
  perform pg_temp.trueup_read(roots);
  for one in
    select i.seq, s.tab, s.operation, r.held is null as gone, i.before is null as is_new
      from pg_temp.trueup_item i join pg_temp.trueup_statement s on s.id = i.statement
           left join pg_temp.trueup_row r on r.seq = i.seq
     where i.state = 'open' and i.root = any (roots)
       and case s.operation when 'delete' then r.held is not null
                else i.seq <> i.root and not coalesce(r.held @> i.after, false) end
     limit 1
  loop
    raise exception 'trueup: correction %: a row of % was to be %d, and was not: a trigger, a rule or row security stands in the way',
      one.seq, one.tab, one.operation;
  end loop;
  insert into trueup_script.change (run_id, seq, table_name, operation, record_key, own_key, before_row, after_row)
  select ${run}, i.seq, s.tab, s.operation, i.key, i.own, i.before, r.held
    from pg_temp.trueup_item i join pg_temp.trueup_statement s on s.id = i.statement
         left join pg_temp.trueup_row r on r.seq = i.seq
   where i.state = 'open' and i.root = any (roots);
  update pg_temp.trueup_item i
     set state = 'done',
         reason = case when not coalesce(r.held @> j.after, j.after is null)
                       then 'done, but the row does not hold what was written: look for a trigger' end
    from pg_temp.trueup_item j left join pg_temp.trueup_row r on r.seq = j.seq
   where j.seq = i.seq and i.state = 'open' and i.root = any (roots);
end`,
)}`;

const TRY = `-- Makes corrections together where that works, and those apart that a reference or a unique value is in the way of.
${fn(
  'function pg_temp.trueup_try(roots bigint[]) returns void',
  `declare
  half integer := (cardinality(roots) + 1) / 2;
  why text;
begin
  begin
    perform pg_temp.trueup_change(roots);
    return;
  exception when foreign_key_violation or unique_violation or restrict_violation then
    get stacked diagnostics why = message_text;
  end;
  if cardinality(roots) = 1 then
    update pg_temp.trueup_item set state = 'left', reason = why where root = roots[1] and state = 'open';
  else
    perform pg_temp.trueup_try(roots[:half]);
    perform pg_temp.trueup_try(roots[half + 1:]);
  end if;
end`,
)}`;

const applyText = (run: string) => `-- Makes the corrections of a batch and says what was skipped.
${fn(
  'procedure pg_temp.trueup_apply()',
  `declare
  one record;
  roots bigint[];
begin
  -- Trueup takes the same lock: the two take turns.
  perform pg_advisory_xact_lock(hashtextextended(${run}, 1));
  update pg_temp.trueup_item i set state = 'done before'
    from trueup_script.change c where c.run_id = ${run} and c.seq = i.seq;
  roots := array(select seq from pg_temp.trueup_item where seq = root and state = 'open' order by seq);
  if cardinality(roots) > 0 then perform pg_temp.trueup_try(roots); end if;
  for one in
    select i.seq, i.state, i.key, i.reason, s.tab, s.operation
      from pg_temp.trueup_item i join pg_temp.trueup_statement s on s.id = i.statement
     where i.state <> 'left' and i.reason is not null order by i.seq
  loop
    raise notice 'trueup: % %: % % %: %', case one.state when 'skipped' then 'SKIPPED_STALE' else 'DONE' end,
      one.seq, one.operation, one.tab, one.key, one.reason;
  end loop;
  insert into pg_temp.trueup_left (batch, seq, root, statement, key, before, after, own, reason)
  select min(root) over (), seq, root, statement, key, before, after, own, reason
    from pg_temp.trueup_item where state = 'left';
  insert into pg_temp.trueup_count as c (tab, operation, state, n)
  select s.tab, s.operation, i.state, count(*)
    from pg_temp.trueup_item i join pg_temp.trueup_statement s on s.id = i.statement
   where i.state <> 'left' group by s.tab, s.operation, i.state
  on conflict (tab, operation, state) do update set n = c.n + excluded.n;
end`,
)}`;

const FINISH = `-- Tries again what was left, for as long as that gets on; then says what was done.
${fn(
  'procedure pg_temp.trueup_finish()',
  `declare
  one record;
  rows_left bigint;
begin
  loop
    rows_left := (select count(*) from pg_temp.trueup_left);
    exit when rows_left = 0;
    for one in select distinct batch from pg_temp.trueup_left order by batch loop
      insert into pg_temp.trueup_item (seq, root, statement, key, before, after, own)
      select seq, root, statement, key, before, after, own from pg_temp.trueup_left where batch = one.batch;
      delete from pg_temp.trueup_left where batch = one.batch;
      call pg_temp.trueup_apply();
      commit;
    end loop;
    exit when (select count(*) from pg_temp.trueup_left) = rows_left;
  end loop;
  for one in select tab, operation, state, n from pg_temp.trueup_count order by tab, operation, state loop
    raise notice 'trueup: % %: % %', one.tab, one.operation, one.n, one.state;
  end loop;
  for one in
    select l.seq, s.operation, s.tab, l.key, l.reason
      from pg_temp.trueup_left l join pg_temp.trueup_statement s on s.id = l.statement order by l.seq limit 100
  loop
    raise warning 'trueup: LEFT %: % % %: %', one.seq, one.operation, one.tab, one.key, one.reason;
  end loop;
  if rows_left > 0 then
    raise exception 'trueup: % correction(s) are left, as other rows are in the way; the others are done', rows_left
      using hint = 'Once nothing is in the way any more, run the script again: what is done is not done twice.';
  end if;
end`,
)}`;

const giveBackText = (
  run: string,
) => `-- Gives back what was done, last first, by the same way: rows that are not as they were left are skipped.
${fn(
  'procedure pg_temp.trueup_give_back()',
  `declare
  above bigint := 0;
begin
  loop
    insert into pg_temp.trueup_item (seq, root, statement, key, before, after, own)
    select -c.seq, -c.seq, b.statement, c.record_key, c.after_row,
           (select jsonb_object_agg(name, c.before_row -> name) from unnest(b.columns) as w(name)), c.own_key
      from trueup_script.change c join pg_temp.trueup_back b on b.tab = c.table_name and b.operation = c.operation
     where c.run_id = ${run} and c.seq > 0 and (above = 0 or c.seq < above)
     order by c.seq desc limit 500;
    exit when not found;
    above := (select -max(seq) from pg_temp.trueup_item);
    call pg_temp.trueup_apply();
    commit;
  end loop;
  call pg_temp.trueup_finish();
end`,
)}`;
