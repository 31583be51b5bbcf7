-- A row that several deletes would change by several foreign keys is one item: the further deletes that it goes with. They
-- are made in one transaction or not at all.
alter table plan_item add effect_also bigint[];
create index plan_item_effect_also on plan_item (run_id, seq) where effect_also is not null;

-- Rows that triggers and rules changed beside the plan, by table: counted by the target in the transactions of the corrections,
-- and copied from there.
create table run_side_effect (
  run_id text not null references run on delete cascade,
  -- The connection of the target.
  connection text not null,
  schema_name text not null,
  table_name text not null,
  inserted bigint not null,
  updated bigint not null,
  deleted bigint not null,
  -- Whether it was emptied or altered as a whole, which counts no rows.
  truncated boolean not null default false,
  primary key (run_id, connection, schema_name, table_name)
);
