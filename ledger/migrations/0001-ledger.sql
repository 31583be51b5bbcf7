-- One execution of a reconciliation or of an undo.
create table run (
  run_id text primary key,
  kind text not null check (kind in ('reconcile', 'undo')),
  workflow_id text not null,
  -- Stays the same over continue-as-new, so a retried opening finds its own row.
  first_execution_run_id text not null unique,
  status text not null default 'running',
  mode text not null default 'full',
  apply boolean not null,
  requested_by text,
  undo_of text references run,
  -- The config as it was when the run started; names only, no secrets.
  config jsonb not null,
  plan_digest text,
  approval_deadline timestamptz,
  phases jsonb not null default '{}',
  verified_checked bigint,
  verified_differing bigint,
  error_code text,
  error_message text,
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz
);
create index run_workflow_id on run (workflow_id, started_at desc);
create index run_started_at on run (started_at desc);

-- One table pair of a run.
create table run_table (
  run_id text not null references run on delete cascade,
  table_name text not null,
  ordinal integer not null,
  -- How the pair is compared: key, columns and their common types, as resolved when the run was opened.
  comparison jsonb not null,
  phase text not null default 'waiting',
  status text not null default 'pending',
  rows_source bigint not null default 0,
  rows_target bigint not null default 0,
  transient bigint not null default 0,
  unsettled bigint not null default 0,
  notes jsonb not null default '[]',
  primary key (run_id, table_name)
);

-- A half-open range of the key; a null bound is open.
create table chunk (
  run_id text not null,
  table_name text not null,
  chunk_no integer not null,
  from_key jsonb,
  to_key jsonb,
  -- The lowest and highest key seen while planning: where slices are laid in a chunk that is open at an end.
  low_hint jsonb,
  high_hint jsonb,
  status text not null default 'planned' check (status in ('planned', 'done', 'failed')),
  -- How often the chunk was begun. A finished chunk is never begun again.
  attempts integer not null default 0,
  rows_source bigint,
  rows_target bigint,
  differing bigint,
  error_code text,
  compared_at timestamptz,
  primary key (run_id, table_name, chunk_no),
  foreign key (run_id, table_name) references run_table on delete cascade
);

-- A row that differed when its chunk was read, and is not a finding until it has settled.
create table candidate (
  run_id text not null,
  table_name text not null,
  key_digest bytea not null,
  chunk_no integer not null,
  record_key jsonb not null,
  inconsistency_type text not null,
  source_data jsonb,
  target_data jsonb,
  columns jsonb not null,
  attempts integer not null default 0,
  moving boolean not null default false,
  state text not null default 'open' check (state in ('open', 'settled', 'transient', 'unsettled')),
  primary key (run_id, table_name, key_digest),
  foreign key (run_id, table_name) references run_table on delete cascade
);
create index candidate_chunk on candidate (run_id, table_name, chunk_no);
create index candidate_open on candidate (run_id, table_name, key_digest) where state = 'open';

-- One row per inconsistency.
create table reconciliation_log (
  id bigint generated always as identity primary key,
  run_id text not null references run on delete cascade,
  table_name text not null,
  inconsistency_type text not null,
  severity text not null,
  key_digest bytea not null,
  record_key jsonb not null,
  source_data jsonb,
  target_data jsonb,
  -- Names of the differing columns in the source; [] for a whole row.
  columns jsonb not null default '[]',
  -- Target names and values of the differing columns, kept beside their source names.
  differences jsonb not null default '[]',
  detail text,
  resolution text not null default 'OPEN',
  created_at timestamptz not null default clock_timestamp(),
  resolved_at timestamptz,
  unique (run_id, table_name, inconsistency_type, key_digest)
);
create index reconciliation_log_resolution on reconciliation_log (run_id, resolution);

-- The frozen list of corrections of a run, in the order in which they are applied.
create table plan_item (
  run_id text not null references run on delete cascade,
  seq bigint not null,
  step integer not null,
  table_name text not null,
  operation text not null check (operation in ('insert', 'update', 'delete')),
  key_digest bytea not null,
  record_key jsonb not null,
  -- The full target row that the correction expects to find; null: no row.
  before_data jsonb,
  -- Target column values to write; for an update only the columns that change; null for a delete.
  after_data jsonb,
  -- Source column values that must still hold; null: no such row; absent for an undo.
  source_data jsonb,
  check_source boolean not null,
  needs_approval boolean not null,
  primary key (run_id, seq),
  unique (run_id, table_name, key_digest)
);
create index plan_item_step on plan_item (run_id, step, seq);

-- One row per attempted correction.
create table correction_log (
  id bigint generated always as identity primary key,
  run_id text not null references run on delete cascade,
  seq bigint not null,
  table_name text not null,
  operation text not null,
  record_key jsonb not null,
  before_data jsonb,
  after_data jsonb,
  status text not null check (status in ('SUCCESS', 'FAILED', 'SKIPPED_STALE', 'DRY_RUN')),
  error text,
  approver text,
  created_at timestamptz not null default clock_timestamp(),
  unique (run_id, seq)
);

-- Every decision that reached a run, also those that were refused.
create table decision (
  id bigint generated always as identity primary key,
  run_id text not null references run on delete cascade,
  -- Chosen by the workflow, so that a retried recording stays one entry.
  decision_no integer not null,
  channel text not null,
  decision text,
  approver text,
  plan_digest text,
  reason text,
  accepted boolean not null,
  refusal text,
  created_at timestamptz not null default clock_timestamp(),
  unique (run_id, decision_no)
);

create table manual_review_queue (
  id bigint generated always as identity primary key,
  run_id text not null references run on delete cascade,
  table_name text not null,
  inconsistency_type text not null,
  severity text not null,
  key_digest bytea not null,
  record_key jsonb not null,
  source_data jsonb,
  target_data jsonb,
  status text not null default 'PENDING' check (status in ('PENDING', 'REVIEWED')),
  resolution text check (resolution in ('APPLY_SOURCE', 'KEEP_TARGET', 'CUSTOM_FIX')),
  reviewer text,
  notes text,
  created_at timestamptz not null default clock_timestamp(),
  reviewed_at timestamptz,
  unique (run_id, table_name, inconsistency_type, key_digest)
);

-- How far each table pair was reconciled, and when it was last compared as a whole.
create table reconciliation_metadata (
  table_name text primary key,
  watermark text,
  last_run_id text,
  last_status text,
  last_completed_at timestamptz
);

create table job_history (
  id bigint generated always as identity primary key,
  run_id text not null unique,
  job_type text not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  status text not null,
  issues_found bigint not null default 0,
  corrections bigint not null default 0,
  queued bigint not null default 0,
  error text
);
