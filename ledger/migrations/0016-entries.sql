-- An entry belongs to a run, which is looked up once for all entries of a statement: a foreign key looks it up, and locks it,
-- for each of them, which was a fifth of what a million entries cost.
alter table correction_log drop constraint correction_log_run_id_fkey;

create function keep_run() returns trigger language plpgsql set search_path from current as $$
declare
  wanted text[] := array(select distinct run_id from entered);
begin
  -- Whoever deletes a run waits for the entries that are being made, and takes them along.
  perform 1 from run where run_id = any (wanted) for key share;
  if exists (select 1 from unnest(wanted) as w(run_id) where not exists (select 1 from run r where r.run_id = w.run_id)) then
    raise foreign_key_violation using message = 'an entry of correction_log is of a run that the ledger does not have';
  end if;
  return null;
end $$;
create trigger keep_run after insert on correction_log referencing new table as entered
  for each statement execute function keep_run();

create function take_entries() returns trigger language plpgsql set search_path from current as $$
begin
  delete from correction_log c using gone g where c.run_id = g.run_id;
  return null;
end $$;
create trigger take_entries after delete on run referencing old table as gone
  for each statement execute function take_entries();
