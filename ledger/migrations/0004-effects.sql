-- What the database would do by itself when a row is deleted is an item of its own: of which delete it is an effect, over
-- how many references it was reached, and by which foreign key. It is carried out in the transaction of that delete.
alter table plan_item add effect_of bigint, add effect_level integer not null default 0, add constraint_name text;
create index plan_item_effect on plan_item (run_id, effect_of, seq) where effect_of is not null;

-- Tables that a plan touches beyond those that the run compares, with the columns and key of their rows.
create table plan_table (
  run_id text not null references run on delete cascade,
  table_name text not null,
  comparison jsonb not null,
  primary key (run_id, table_name)
);
