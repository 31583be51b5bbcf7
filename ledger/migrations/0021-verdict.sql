-- Rows that did not hold what their correction had written, or were to be made equal to, when they were read again after it:
-- somebody wrote them since. Each counts as left.
create table verification (
  run_id text not null references run on delete cascade,
  seq bigint not null,
  table_name text not null,
  -- What differs, by the names of the columns.
  detail text not null,
  primary key (run_id, seq)
);

-- What a run left different when it ended; null in lines of earlier versions.
alter table job_history add remaining bigint;
