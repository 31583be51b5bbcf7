-- What a run checks beside its rows; see contracts/check.ts.
create table run_check (
  run_id text not null references run on delete cascade,
  kind text not null,
  -- The table pair or the rule that it is about.
  subject text not null,
  ordinal integer not null,
  status text not null default 'pending' check (status in ('pending', 'passed', 'failed', 'incomplete')),
  findings bigint not null default 0,
  transient bigint not null default 0,
  unsettled bigint not null default 0,
  detail text,
  -- Rows of the pair, where the check counts them all.
  rows_source bigint,
  rows_target bigint,
  error_code text,
  error_message text,
  -- When its findings were looked for again after the corrections.
  rechecked_at timestamptz,
  primary key (run_id, kind, subject)
);

-- What a check saw, and is no finding until it was still so when the check looked again. Readings are numbered from 1.
create table check_candidate (
  run_id text not null,
  kind text not null,
  subject text not null,
  table_name text not null,
  inconsistency_type text not null,
  key_digest bytea not null,
  severity text not null,
  record_key jsonb not null,
  source_data jsonb,
  target_data jsonb,
  differences jsonb not null,
  detail text not null,
  -- The reading that saw it first with these values, and the one that saw it last.
  first_reading integer not null,
  last_reading integer not null,
  primary key (run_id, kind, subject, table_name, inconsistency_type, key_digest),
  foreign key (run_id, kind, subject) references run_check on delete cascade
);

-- The check that a finding comes from; null: it comes from comparing rows.
alter table reconciliation_log add check_kind text, add check_subject text;
create index reconciliation_log_check on reconciliation_log (run_id, check_kind, check_subject)
 where check_kind is not null;
