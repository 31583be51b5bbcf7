-- Why a table could not be read as a whole, so that nothing of it counts as compared: a code of the catalogue and a message.
alter table run_table add column unread jsonb;

-- In which reading of its row a candidate was first seen as it stands; 0: when its chunk was compared.
alter table candidate add column seen integer not null default 0;

-- What a side that is a standby had received after a reading, and replayed before it: a difference counts only where a later
-- reading has all that had been received when it was first seen. No row: the side was no standby then.
create table replay (
  run_id text not null references run on delete cascade,
  -- `rows`, or the kind of a check.
  kind text not null,
  subject text not null,
  reading integer not null,
  side text not null,
  -- null: replay was paused, or there was no reading.
  replayed pg_lsn,
  replayed_until timestamptz,
  received pg_lsn,
  -- null: not asked yet. false: it gets its WAL from an archive, so that what it had received is not all that there was.
  streaming boolean,
  seen_at timestamptz,
  -- Why replay does not get on, for people; null: it is not known.
  why text,
  primary key (run_id, kind, subject, reading, side)
);
