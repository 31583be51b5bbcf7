-- How the rows of a chunk are found and told apart; see contracts/chunk.ts.
alter table chunk add kind text not null default 'range' check (kind in ('range', 'buckets', 'nulls', 'multiset'));
-- Into how many slices by hash the chunk was laid when it was planned; null: by its range.
alter table chunk add slices integer;

-- How many equal rows each side has, {"source": 3, "target": 1}, of a row that no key names; null: the row has a key.
alter table candidate add counts jsonb;
alter table reconciliation_log add counts jsonb;

-- The comparisons of earlier runs, for undoing them: they were all by ranges of a key that is never NULL.
update run_table
   set comparison = comparison || jsonb_build_object(
         'keyOrigin', 'catalog', 'keyNullable', false, 'strategy', 'ranges',
         'hash', coalesce(comparison -> 'hash', '"native-14"'),
         'key', (select coalesce(jsonb_agg(k || jsonb_build_object(
                   'castTo', k -> 'type', 'collation', '{"source": null, "target": null}'::jsonb,
                   'boundType', jsonb_build_object('source', k -> 'type', 'target', k -> 'type')) order by n), '[]')
                   from jsonb_array_elements(comparison -> 'key') with ordinality as e(k, n)))
 where not comparison ? 'strategy';
