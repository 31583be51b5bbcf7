-- What was usual for a table when a run looked for anomalies: by this its findings were made. The newest ones are kept.
create table anomaly_model (
  run_id text not null references run on delete cascade,
  table_name text not null,
  -- When the rows of the source were read that it was trained on, how many they were, and from when to when they are.
  trained_at timestamptz not null,
  rows bigint not null,
  window_column text,
  window_from text,
  window_to text,
  -- Rows that score lower are anomalies.
  threshold double precision not null,
  -- The features with their means and deviations, the seed, and the trees.
  model jsonb not null,
  primary key (run_id, table_name)
);
create index anomaly_model_table on anomaly_model (table_name, trained_at desc);
