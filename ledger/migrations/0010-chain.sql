-- The corrections and decisions of a run are the entries of a chain. Each has its number in it, the digest of the entry
-- before it, and its own, which is over that digest and everything that the entry says; see ledger/chain.ts. Null: entered
-- by an earlier version, or by hand.
alter table correction_log add chain_no bigint, add previous_digest bytea, add entry_digest bytea;
alter table decision add chain_no bigint, add previous_digest bytea, add entry_digest bytea;

-- Whether the run was begun by a version that chains its entries.
alter table run add chained boolean not null default false;

-- How many entries the chain of a run has, and the digest of the last one. A row of its own: whoever holds the run's own
-- row, to freeze a plan, holds up no decision.
create table chain (
  run_id text primary key references run on delete cascade,
  entries bigint not null default 0,
  head bytea not null,
  -- The same when the run ended; what is entered later can only be a decision that came too late.
  sealed_entries bigint,
  sealed_head bytea,
  sealed_at timestamptz
);

create function chain_link(state bytea, head bytea, content text) returns bytea
language plpgsql immutable parallel safe as
$$ begin return sha256(coalesce(state, head) || convert_to(content, 'UTF8')); end $$;

-- Over a window that grows: the digest of each entry, where the chain stood at `head` before the first of them.
create aggregate chain_digest(head bytea, content text) (sfunc = chain_link, stype = bytea);

create function keep_entry() returns trigger language plpgsql as $$
begin
  raise exception 'an entry of % is never changed: it is part of the chain of its run', tg_table_name;
end $$;
create trigger keep_entry before update on correction_log for each statement execute function keep_entry();
create trigger keep_entry before update on decision for each statement execute function keep_entry();

-- Entries go with their whole run, or when a purge takes its findings. By hand it is called from any search_path.
create function keep_entries() returns trigger language plpgsql set search_path from current as $$
begin
  if exists (select 1 from (select distinct run_id from gone) g join run using (run_id)
              where not exists (select 1 from purge_run d join purge p using (purge_id)
                                 where d.run_id = g.run_id and p.findings)) then
    raise exception 'an entry of % is never removed: it is part of the chain of its run', tg_table_name;
  end if;
  return null;
end $$;
create trigger keep_entries after delete on correction_log referencing old table as gone
  for each statement execute function keep_entries();
create trigger keep_entries after delete on decision referencing old table as gone
  for each statement execute function keep_entries();
