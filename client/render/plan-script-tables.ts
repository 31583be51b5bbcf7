/** The tables that a script works with; but for the last they are gone with its session. */
export const SCRIPT_TABLES = `-- The corrections of one batch; each commit empties it.
create temp table trueup_item (
  seq bigint primary key,      -- its number in the plan
  root bigint not null,        -- the delete that it goes with; its own number where it goes with none
  also bigint[],               -- further deletes that do a part of it: all are made together or none
  statement integer not null,  -- what makes it: pg_temp.trueup_statement
  key jsonb not null,          -- the values of the key
  before jsonb,                -- the whole row as it has to be, column to text form; null: there must be none
  after jsonb,                 -- what is written, column to text form; null: the row is deleted
  own jsonb,                   -- the key as the index has it, where that is of another type
  wanted jsonb,                -- what columns that the target generates must come to
  state text not null default 'open',
  reason text,
  code text                    -- what the database refused it with
) on commit delete rows;
-- The rows of the batch as they are, locked.
create temp table trueup_row (
  seq bigint primary key, place oid not null, at tid not null, held jsonb not null
) on commit delete rows;
-- What was not made. What another row is in the way of is tried again at the end; rows may be in each other's way.
create temp table trueup_left (
  batch bigint not null, seq bigint primary key, root bigint not null, also bigint[], statement integer not null,
  key jsonb not null, before jsonb, after jsonb, own jsonb, wanted jsonb, reason text,
  code text,
  tied boolean not null generated always as (coalesce(code in ('23503', '23505', '23001', '23P01'), false)) stored,
  may_pass boolean not null generated always as (coalesce(code in ('23503', '23505', '23001', '23P01'), true)) stored
);
create temp table trueup_table (
  name text primary key, relation text not null, columns jsonb not null, read text not null
);
create temp table trueup_statement (
  id integer primary key, tab text not null, operation text not null, change text not null,
  checks jsonb not null        -- by columns: what a row that was written is held against
);
-- What gives back the operations of a table: the columns that are written again, and the statement.
create temp table trueup_back (
  tab text not null, operation text not null, statement integer not null, columns text[] not null,
  primary key (tab, operation)
);
create temp table trueup_count (
  tab text, operation text, state text, n bigint not null, primary key (tab, operation, state)
);
-- What was done, with each row before and after: it stays, and a correction that stands there is not made again.
-- What was given back stands there under its number below zero.
do $trueup$
begin
  if to_regnamespace('trueup_script') is null then create schema trueup_script; end if;
  if to_regclass('trueup_script.change') is null then
    create table trueup_script.change (
      run_id text not null, seq bigint not null, table_name text not null, operation text not null,
      record_key jsonb not null, own_key jsonb, before_row jsonb, after_row jsonb,
      changed_at timestamptz not null default clock_timestamp(), changed_by text not null default session_user,
      primary key (run_id, seq)
    );
  end if;
end $trueup$;`;
