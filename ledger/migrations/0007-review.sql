-- A run may carry out what a reviewer resolved; see contracts/review.ts.
alter table run drop constraint run_kind_check;
alter table run add constraint run_kind_check check (kind in ('reconcile', 'undo', 'review'));

-- One entry of the queue is one difference, whichever runs see it: the unique key over the run goes, and an entry
-- outlives the runs that it came from.
do $$
declare
  name text;
begin
  for name in
    select conname from pg_constraint
     where conrelid = 'manual_review_queue'::regclass
       and (contype in ('u', 'f') or conname = 'manual_review_queue_status_check')
  loop
    execute format('alter table manual_review_queue drop constraint %I', name);
  end loop;
end $$;
alter table manual_review_queue
  alter run_id drop not null,
  add foreign key (run_id) references run on delete set null,
  -- HEALED: a later complete comparison of the same scope no longer found the difference.
  add constraint manual_review_queue_status_check check (status in ('PENDING', 'REVIEWED', 'HEALED')),
  -- As in reconciliation_log.
  add differences jsonb not null default '[]',
  add counts jsonb,
  -- The run that saw it last; run_id is the one that saw it first.
  add last_run_id text references run on delete set null,
  add last_seen_at timestamptz not null default clock_timestamp(),
  add times_seen bigint not null default 1,
  -- When its values changed last: a reviewer may say as of when they were read.
  add changed_at timestamptz not null default clock_timestamp(),
  -- Whether the table was compared to its end when it was seen last.
  add complete boolean not null default false,
  -- Which rows and columns were compared when it was seen last: only a comparison of the same can say that it healed.
  add scope jsonb,
  -- SHA-256 of the values that differ: what KEEP_TARGET remembers.
  add value_digest bytea,
  -- The run that carries the resolution out: while the entry is PENDING it is under way, and nobody else may resolve it.
  add resolution_run_id text references run on delete set null,
  add claimed_at timestamptz,
  -- Why the last resolution could not be carried out; it may quote the database's message.
  add last_attempt text,
  add healed_at timestamptz,
  add healed_by text,
  -- The undo that took the resolution back.
  add undone_by text;

update manual_review_queue q
   set last_run_id = q.run_id, last_seen_at = q.created_at, changed_at = q.created_at,
       differences = l.differences, counts = l.counts
  from reconciliation_log l
 where l.run_id = q.run_id and l.table_name = q.table_name and l.inconsistency_type = q.inconsistency_type
   and l.key_digest = q.key_digest;

-- Earlier versions entered a difference once for each run: the newest entry stands for it.
update manual_review_queue q
   set created_at = e.first_at, times_seen = e.n
  from (select max(id) as id, min(created_at) as first_at, count(*) as n from manual_review_queue
         where status = 'PENDING' group by table_name, inconsistency_type, key_digest) e
 where q.id = e.id;
delete from manual_review_queue q
 using manual_review_queue newer
 where q.status = 'PENDING' and newer.status = 'PENDING' and newer.id > q.id and newer.table_name = q.table_name
   and newer.inconsistency_type = q.inconsistency_type and newer.key_digest = q.key_digest;

create unique index manual_review_queue_open on manual_review_queue (table_name, inconsistency_type, key_digest)
 where status = 'PENDING';
create index manual_review_queue_resolution on manual_review_queue (resolution_run_id)
 where resolution_run_id is not null;

-- The entry that a finding stands in; set when it is put into the queue.
alter table reconciliation_log add review_id bigint references manual_review_queue on delete set null;
create index reconciliation_log_review on reconciliation_log (review_id) where review_id is not null;

-- The entry that a correction answers; null: the correction is of a run that compared.
alter table plan_item add review_id bigint;

-- Differences that a reviewer decided to keep: not raised again until one of their values changes.
create table kept_difference (
  table_name text not null,
  inconsistency_type text not null,
  key_digest bytea not null,
  value_digest bytea not null,
  review_id bigint not null references manual_review_queue on delete cascade,
  -- The run of the review that decided so.
  run_id text not null,
  reviewer text not null,
  kept_at timestamptz not null default clock_timestamp(),
  primary key (table_name, inconsistency_type, key_digest)
);

-- What a reviewer resolved in one go; carried out by the run of the same ID.
create table review_resolution (
  run_id text primary key references run on delete cascade,
  resolution text not null check (resolution in ('APPLY_SOURCE', 'KEEP_TARGET', 'CUSTOM_FIX')),
  reviewer text not null,
  notes text,
  -- The entries asked for, {"ids": […]} or {"filter": {…}}, and the values of a CUSTOM_FIX.
  selection jsonb not null,
  custom_values jsonb,
  as_of timestamptz,
  -- Entries that it is for, and entries of the filter that it cannot be for.
  reviews bigint not null,
  left_out bigint not null,
  recorded_at timestamptz not null default clock_timestamp()
);
