-- What of a run was counted in the metrics: each finding, and the run itself, once, whoever counts and however often.
create table measured_finding (
  run_id text not null references run on delete cascade,
  table_name text not null,
  inconsistency_type text not null,
  severity text not null,
  n bigint not null,
  primary key (run_id, table_name, inconsistency_type, severity)
);
alter table run add measured_at timestamptz;
-- What ran before there were metrics is not counted when it is looked at again.
update run set measured_at = ended_at where ended_at is not null;

-- How far the sides of each table were apart when they were last compared as a whole.
create table table_drift (
  table_name text primary key,
  run_id text not null,
  differing_rows bigint not null,
  source_rows bigint not null,
  compared_at timestamptz not null
);
