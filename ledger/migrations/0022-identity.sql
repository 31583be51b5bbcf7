-- The ledger by an ID of its own, so that another one, or a copy of it, is told from it.
create table ledger (
  only_one boolean primary key default true check (only_one),
  id uuid not null default gen_random_uuid(),
  created_at timestamptz not null default clock_timestamp()
);

insert into ledger default values;

-- The databases that a run was opened with, and its ledger; null: the run is of an earlier version.
alter table run add column servers jsonb;
