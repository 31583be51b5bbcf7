-- Rows that triggers and rules changed beside the plan, added up over the transactions of a run. Written in the transaction
-- that changed them, so that each counts once, however often its step is tried.
create table side_effect (
  run_id text not null,
  schema_name text not null,
  table_name text not null,
  inserted bigint not null,
  updated bigint not null,
  deleted bigint not null,
  -- Whether it was emptied or altered as a whole, which counts no rows.
  truncated boolean not null default false,
  primary key (run_id, schema_name, table_name)
);
