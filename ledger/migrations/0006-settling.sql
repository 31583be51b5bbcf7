-- Set when what was found of a table has been aggregated: a reading that comes later changes nothing.
alter table run_table add settled_at timestamptz;
-- Hashes of the two rows as they were read last, by which a later reading sees whether they changed; null: no row.
alter table candidate add source_digest bigint, add target_digest bigint;
-- Each of them had to be kept up with every difference, and the primary or unique key serves as well.
drop index candidate_open;
drop index reconciliation_log_resolution;
-- Each finding gets its resolution later: with room beside it, and no index on it, that touches no index.
alter table reconciliation_log set (fillfactor = 50);
