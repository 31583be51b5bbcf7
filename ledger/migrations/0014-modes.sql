-- The keys of a chunk of the kind `keys`, each a list of texts in the key's order.
alter table chunk add keys jsonb;
alter table chunk drop constraint chunk_kind_check;
alter table chunk add constraint chunk_kind_check check (kind in ('range', 'buckets', 'nulls', 'multiset', 'keys'));

alter table run_table
  -- Which rows were compared; null: those that the run's mode says.
  add rows_compared text check (rows_compared in ('all', 'changed', 'sample')),
  -- When planning began by the ledger's clock, and up to when what each side holds had been committed then by its own.
  add began_at timestamptz,
  add began_source timestamptz,
  add began_target timestamptz,
  -- Rows that changed since were compared.
  add since_source timestamptz,
  add since_target timestamptz,
  -- For people: why those, and what was not seen.
  add rows_note text;

-- `watermark` is by the source's clock. What the run left different is looked at again whether it changed or not.
alter table reconciliation_metadata
  add watermark_target text,
  add watermark_run_id text;

-- A sample of a table: how it was drawn, and what it came to once its rows were compared.
create table sample_estimate (
  run_id text not null,
  table_name text not null,
  seed bigint not null,
  confidence double precision not null,
  margin double precision not null,
  -- Rows that were to be drawn, and rows with a key that each side had.
  wanted bigint not null,
  rows_source bigint not null,
  rows_target bigint not null,
  population bigint,
  sampled bigint,
  errors bigint,
  rate double precision,
  rate_low double precision,
  rate_high double precision,
  total bigint,
  total_low bigint,
  total_high bigint,
  whole boolean,
  recommendation text check (recommendation in ('excellent', 'acceptable', 'poor', 'uncertain')),
  primary key (run_id, table_name),
  foreign key (run_id, table_name) references run_table on delete cascade
);
