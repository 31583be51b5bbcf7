-- One time that before-images, and perhaps findings, of earlier runs were dropped.
create table purge (
  -- The first execution of its workflow, so that a retry finds its own row.
  purge_id text primary key,
  workflow_id text not null,
  requested_by text,
  -- Runs that ended before this time; null: by their IDs.
  cutoff timestamptz,
  findings boolean not null,
  digest text not null,
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz
);

-- One run of it. From its entry on the run can be undone no more; what is left of it is dropped by the next purge.
create table purge_run (
  purge_id text not null references purge,
  run_id text not null references run,
  done_at timestamptz,
  primary key (purge_id, run_id)
);
create index purge_run_run on purge_run (run_id);

-- What was dropped, by table.
create table purge_table (
  purge_id text not null references purge,
  place text not null check (place in ('target', 'ledger')),
  table_name text not null,
  rows bigint not null,
  bytes bigint not null,
  primary key (purge_id, place, table_name)
);
