-- What is to be said of a row beside its differences, and whether nothing is planned for it; the other spelling of its key,
-- on which side it is spelt so, and whether the row is reported under that one.
alter table candidate add detail text, add held boolean not null default false,
  add twin_digest bytea, add twin_role text check (twin_role in ('source', 'target')),
  add merged boolean not null default false;
create index candidate_twin on candidate (run_id, table_name, twin_digest) where twin_digest is not null;
alter table reconciliation_log add held boolean not null default false;
