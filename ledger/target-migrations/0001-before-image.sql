-- Written in the transaction of the correction: the backup of the row, and the marker that the correction was done.
create table before_image (
  run_id text not null,
  seq bigint not null,
  table_name text not null,
  relation text not null,
  operation text not null,
  record_key jsonb not null,
  -- The full row before and after the correction, column to text form; null: there was, or is, no row.
  before_row jsonb,
  after_row jsonb,
  created_at timestamptz not null default clock_timestamp(),
  primary key (run_id, seq)
);
