import { quoteLiteral } from '../../database/identifier';
import { BESIDE, BESIDE_SAID } from './plan-script-beside';
import { changeText, READ, UNPLANNED } from './plan-script-change';
import { NOT_AS_PLANNED, READ_BACK, SUSPECTS } from './plan-script-read-back';
import { plpgsql } from './plan-script-text';

/** Corrections that are tried in one transaction in the end. */
const MOST_TOGETHER = 5_000;
/** Corrections that were left which are named. */
const MOST_LEFT = 1_000;

/** What makes the corrections of a batch, and ends the script. */
export function libraryText(runId: string): string {
  const run = quoteLiteral(runId);
  return `${READ}

${UNPLANNED}

${SUSPECTS}

${READ_BACK}

${BESIDE}

${changeText(run)}

${TRY}

${applyText(run)}

${RETRY}

${sequencesText(run)}

${REPORT}

${giveBackText(run)}`;
}

/** SQLSTATEs by which the database refuses values or rows, as when Trueup applies; at others a script stops. */
const OF_ROWS = '^(21|22|23|27|42|44|0A|P0|55P03|55000)';

const TRY = `-- Makes corrections together where that works, and apart what the database refuses: that is left, the others are made.
${plpgsql(
  'function pg_temp.trueup_try(roots bigint[]) returns void',
  `declare
  half integer := (cardinality(roots) + 1) / 2;
  why text;
  refused text;
  detail text;
  reasons jsonb;
begin
  begin
    perform pg_temp.trueup_change(roots);
    return;
  exception when others then
    if sqlstate !~ '${OF_ROWS}' then raise; end if;
    get stacked diagnostics why = message_text, refused = returned_sqlstate, detail = pg_exception_detail;
  end;
  -- What did not come out as planned is known by its numbers.
  if why = '${NOT_AS_PLANNED}' then
    reasons := detail::jsonb;
    update pg_temp.trueup_item set state = 'left', reason = reasons ->> root::text, code = refused
     where reasons ? root::text and root = any (roots) and state = 'open';
    roots := array(select r from unnest(roots) as r where not reasons ? r::text order by r);
    if cardinality(roots) > 0 then perform pg_temp.trueup_try(roots); end if;
    return;
  end if;
  if cardinality(roots) = 1 then
    update pg_temp.trueup_item set state = 'left', reason = why, code = refused where root = roots[1] and state = 'open';
  else
    perform pg_temp.trueup_try(roots[:half]);
    perform pg_temp.trueup_try(roots[half + 1:]);
  end if;
end`,
)}`;

const applyText = (run: string) => `-- Makes the corrections of a batch and says what was skipped.
${plpgsql(
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
  insert into pg_temp.trueup_left (batch, seq, root, also, statement, key, before, after, own, wanted, reason, code)
  select min(root) over (), seq, root, also, statement, key, before, after, own, wanted, reason, code
    from pg_temp.trueup_item where state = 'left';
  insert into pg_temp.trueup_count as c (tab, operation, state, n)
  select s.tab, s.operation, i.state, count(*)
    from pg_temp.trueup_item i join pg_temp.trueup_statement s on s.id = i.statement
   where i.state <> 'left' group by s.tab, s.operation, i.state
  on conflict (tab, operation, state) do update set n = c.n + excluded.n;
end`,
)}`;

const RETRY = `-- Takes up again what was left, of one batch, or (null) all that another row is in the way of.
${plpgsql(
  'function pg_temp.trueup_take_up(of_batch bigint) returns void',
  `begin
  insert into pg_temp.trueup_item (seq, root, also, statement, key, before, after, own, wanted)
  select seq, root, also, statement, key, before, after, own, wanted from pg_temp.trueup_left
   where case when of_batch is null then tied else batch = of_batch and may_pass end;
  delete from pg_temp.trueup_left where seq in (select seq from pg_temp.trueup_item);
end`,
)}
-- Tries again what another row was in the way of, for as long as that gets on; then together, in one transaction.
${plpgsql(
  'procedure pg_temp.trueup_retry()',
  `declare
  one record;
  before bigint;
begin
  loop
    before := (select count(*) from pg_temp.trueup_left where may_pass);
    exit when before = 0;
    for one in select distinct batch from pg_temp.trueup_left where may_pass order by batch loop
      perform pg_temp.trueup_take_up(one.batch);
      call pg_temp.trueup_apply();
      commit;
    end loop;
    continue when (select count(*) from pg_temp.trueup_left where may_pass) < before;
    exit when (select count(*) from pg_temp.trueup_left where tied) not between 2 and ${MOST_TOGETHER};
    perform pg_temp.trueup_take_up(null);
    call pg_temp.trueup_apply();
    commit;
    exit when (select count(*) from pg_temp.trueup_left where may_pass) >= before;
  end loop;
end`,
)}`;

const sequencesText = (run: string) => `-- Moves sequences past what was inserted, never back.
${plpgsql(
  'procedure pg_temp.trueup_sequences()',
  `declare
  one record;
  farthest numeric;
  moved bigint;
begin
  for one in
    select t.name, format('%I.%I', n.nspname, s.relname) as sequence, a.attname::text as col, q.seqincrement > 0 as ascending
      from pg_temp.trueup_table t join pg_class c on c.oid = to_regclass(t.relation)
           join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid and d.deptype in ('a', 'i')
                           and d.classid = 'pg_class'::regclass
           join pg_class s on s.oid = d.objid and s.relkind = 'S' join pg_namespace n on n.oid = s.relnamespace
           join pg_sequence q on q.seqrelid = s.oid
           join pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid
     order by 1, 2
  loop
    begin
      select case when one.ascending then max(v) else min(v) end into farthest
        from (select (c.after_row ->> one.col)::numeric as v from trueup_script.change c
               where c.run_id = ${run} and c.seq > 0 and c.operation = 'insert' and c.table_name = one.name) as inserted;
      continue when farthest is null;
      execute format('select setval(%L::regclass, $1) from %s as s where s.last_value %s $1 or (s.last_value = $1 and not s.is_called)',
        one.sequence, one.sequence, case when one.ascending then '<' else '>' end) into moved using farthest::bigint;
      if moved is not null then raise notice 'trueup: sequence % was moved to %', one.sequence, moved; end if;
    exception when others then
      -- Rows are right whether or not the sequence takes the value.
      if sqlstate !~ '^(22|42|55)' then raise; end if;
      raise warning 'trueup: sequence % was not moved: %', one.sequence, sqlerrm;
    end;
  end loop;
end`,
)}`;

const REPORT = `-- Says what was done, and what was left and why; an error if anything was.
${plpgsql(
  'procedure pg_temp.trueup_report()',
  `declare
  one record;
  rows_left bigint := (select count(*) from pg_temp.trueup_left);
begin
  for one in select tab, operation, state, n from pg_temp.trueup_count order by tab, operation, state loop
    raise notice 'trueup: % %: % %', one.tab, one.operation, one.n, one.state;
  end loop;
  ${BESIDE_SAID}
  for one in
    select l.seq, s.operation, s.tab, l.key, l.reason
      from pg_temp.trueup_left l join pg_temp.trueup_statement s on s.id = l.statement order by l.seq limit ${MOST_LEFT}
  loop
    raise warning 'trueup: LEFT %: % % %: %', one.seq, one.operation, one.tab, one.key, one.reason;
  end loop;
  if rows_left > ${MOST_LEFT} then raise warning 'trueup: LEFT: and % more', rows_left - ${MOST_LEFT}; end if;
  if rows_left > 0 then
    raise exception 'trueup: % correction(s) are left, for the reasons above; the others are done', rows_left
      using hint = 'Once nothing is in the way any more, run the script again: what is done is not done twice.';
  end if;
end`,
)}`;

const giveBackText = (
  run: string,
) => `-- Gives back what was done, last first, by the same way: rows that are not as they were left are skipped.
${plpgsql(
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
  call pg_temp.trueup_retry();
  call pg_temp.trueup_report();
end`,
)}`;
