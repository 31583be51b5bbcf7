import type { TextRow } from '../contracts/finding';
import type { Queryable } from '../database/connection';
import { markKept, VALUE_DIGEST } from './kept';

/** The policy of a finding `l` in its table `t`. */
const POLICY = `t.comparison -> 'pair' -> 'corrections' ->> (case l.inconsistency_type
       when 'missing_in_target' then 'missing' when 'extra_in_target' then 'extra' else 'mismatched' end)`;

/** Which rows and columns of a table `t` were compared, and whether they were matched by their key. */
const SCOPE = `jsonb_build_object(
    'source', t.comparison #> '{pair,source}', 'target', t.comparison #> '{pair,target}',
    'where', t.comparison #> '{pair,where}',
    'key', (select jsonb_agg(jsonb_build_array(k -> 'source', k -> 'target', k -> 'type'))
              from jsonb_array_elements(t.comparison -> 'key') as e(k)),
    'counted', exists (select 1 from chunk h where h.run_id = t.run_id and h.table_name = t.table_name
                          and h.kind = 'multiset'),
    'columns', (select jsonb_object_agg(c ->> 'source', jsonb_build_array(c -> 'target', c -> 'type', c -> 'equivalence'))
                  from jsonb_array_elements(t.comparison -> 'columns') as e(c)))`;

/**
 * Puts the findings whose policy is `review` into the queue, a difference once however many runs see it: one that is
 * open there already is brought up to date, unless a resolution of it is under way or a later run has seen it. What a
 * reviewer decided to keep is left out. To be called within a transaction; called again it does nothing.
 */
export async function enterReviews(session: Queryable, runId: string): Promise<void> {
  await markKept(session, runId, null);
  await session.query(
    `insert into manual_review_queue as q
            (run_id, last_run_id, table_name, inconsistency_type, severity, key_digest, record_key, source_data,
             target_data, differences, counts, complete, scope, value_digest)
     select l.run_id, l.run_id, l.table_name, l.inconsistency_type, l.severity, l.key_digest, l.record_key,
            l.source_data, l.target_data, l.differences, l.counts, t.status in ('consistent', 'inconsistent'),
            s.scope, ${VALUE_DIGEST}
       from run_table t cross join lateral (select ${SCOPE} as scope offset 0) s
            join reconciliation_log l using (run_id, table_name)
      where l.run_id = $1 and l.resolution = 'OPEN' and l.check_kind is null and ${POLICY} = 'review'
      -- In one order, so that two runs cannot wait for each other.
      order by l.table_name, l.inconsistency_type, l.key_digest
     on conflict (table_name, inconsistency_type, key_digest) where status = 'PENDING' do update
        set changed_at = case when (q.source_data, q.target_data, q.value_digest)
                                     is distinct from (excluded.source_data, excluded.target_data, excluded.value_digest)
                              then clock_timestamp() else q.changed_at end,
            last_run_id = excluded.last_run_id, last_seen_at = clock_timestamp(), times_seen = q.times_seen + 1,
            severity = excluded.severity, record_key = excluded.record_key, source_data = excluded.source_data,
            target_data = excluded.target_data, differences = excluded.differences, counts = excluded.counts,
            complete = excluded.complete, scope = excluded.scope, value_digest = excluded.value_digest
      where q.resolution_run_id is null
        and not exists (select 1 from run later join run this on this.run_id = excluded.last_run_id
                         where later.run_id = q.last_run_id and later.started_at > this.started_at)`,
    [runId],
  );
  await session.query(
    `update reconciliation_log l set resolution = 'IN_REVIEW', review_id = q.id
       from run_table t, manual_review_queue q
      where l.run_id = $1 and t.run_id = $1 and t.table_name = l.table_name and l.resolution = 'OPEN'
        and l.check_kind is null and ${POLICY} = 'review' and q.status = 'PENDING' and q.table_name = l.table_name
        and q.inconsistency_type = l.inconsistency_type and q.key_digest = l.key_digest`,
    [runId],
  );
}

/** An open entry that a run did not find, though it compared all that could show it. */
export interface UnseenReview {
  readonly id: string;
  readonly table: string;
  readonly key: TextRow;
  /** Whether its row is told from others by a key, and can be read again by it. */
  readonly keyed: boolean;
  /** The ledger's text form of when it was seen last. */
  readonly lastSeen: string;
}

/**
 * The next open entries that a run did not find again, after the entry `after`, by ID. The run has to have compared the
 * whole table, in the scope in which the entry was seen, and to have begun after it was seen; a run that took chunks over
 * began with the run that compared them. A row that did not settle is not healed.
 */
export async function nextUnseenReviews(
  ledger: Queryable,
  runId: string,
  after: string,
  limit: number,
): Promise<readonly UnseenReview[]> {
  const { rows } = await ledger.query<Record<'id' | 'table_name' | 'record_key' | 'keyed' | 'last_seen', string>>(
    `with recursive attempts as (
       select run_id, resumed_from, started_at from run where run_id = $1
       union all
       select r.run_id, r.resumed_from, r.started_at from run r join attempts a on a.resumed_from = r.run_id),
     begun as (select min(started_at) as at from attempts),
     scopes as materialized (
       select t.run_id, t.table_name, ${SCOPE} as scope,
              coalesce(t.rows_compared, case r.mode when 'full' then 'all' end) is not distinct from 'all' as is_whole
         from run_table t join run r using (run_id)
        where t.run_id = $1 and t.status in ('consistent', 'inconsistent'))
     select q.id, q.table_name, q.record_key, q.counts is null as keyed, q.last_seen_at as last_seen
       from begun, scopes s join manual_review_queue q using (table_name)
      where q.status = 'PENDING' and q.id > $2::bigint and q.resolution_run_id is null and q.last_seen_at < begun.at
        -- Rows that no key names are not read again: that they were not found says something where all were looked at.
        and (q.counts is null or s.is_whole)
        and q.scope - 'columns' = s.scope - 'columns'
        and not exists (select 1 from jsonb_array_elements(q.differences) as e(d)
                         where q.scope #> array['columns', d ->> 'name']
                                 is distinct from s.scope #> array['columns', d ->> 'name'])
        and not exists (select 1 from reconciliation_log l
                         where l.run_id = $1 and l.table_name = q.table_name
                           and l.inconsistency_type = q.inconsistency_type and l.key_digest = q.key_digest)
        and not exists (select 1 from candidate c
                         where c.run_id = $1 and c.table_name = q.table_name and c.key_digest = q.key_digest
                           and c.state in ('open', 'unsettled'))
      order by q.id limit $3`,
    [runId, after, limit],
  );
  return rows.map((row) => ({
    id: row.id,
    table: row.table_name,
    key: JSON.parse(row.record_key) as TextRow,
    keyed: row.keyed === 't',
    lastSeen: row.last_seen,
  }));
}

/** Closes entries whose difference is gone; one that somebody resolves, or that was seen again meanwhile, stays. */
export async function healReviews(ledger: Queryable, runId: string, healed: readonly UnseenReview[]): Promise<void> {
  await ledger.query(
    `update manual_review_queue q
        set status = 'HEALED', healed_at = clock_timestamp(), healed_by = $1
       from unnest($2::bigint[], $3::timestamptz[]) as h(id, last_seen)
      where q.id = h.id and q.last_seen_at = h.last_seen and q.status = 'PENDING' and q.resolution_run_id is null`,
    [runId, healed.map(({ id }) => id), healed.map(({ lastSeen }) => lastSeen)],
  );
}
