import type { Queryable } from './connection';
import { DatabaseFailure } from './failure';

/** Rows that a session has changed, by the OID of their table: as many as were inserted, updated and deleted. */
export type Counters = Readonly<Record<string, readonly [inserted: number, updated: number, deleted: number]>>;

/** Rows of one table that were changed between two readings; below zero where the table was truncated meanwhile. */
export interface Changed {
  readonly oid: string;
  readonly schema: string;
  readonly table: string;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  /** Whether the transaction has truncated, altered or made the table: then the counts do not say all. */
  readonly isRewritten: boolean;
}

/*
 * The counters are the server's own, of pg_stat_xact_all_tables. They begin above zero where the session has not yet handed
 * on what it did before, and count what a savepoint undid. Rows are counted at the partition that holds them. Temporary tables,
 * and those of the system, are left out. The functions are asked, as the view also groups by the indexes.
 */
const COUNTED = `pg_class c
       cross join lateral (select pg_stat_get_xact_tuples_inserted(c.oid) as inserted,
                                  pg_stat_get_xact_tuples_updated(c.oid) as updated,
                                  pg_stat_get_xact_tuples_deleted(c.oid) as deleted) as s
 where c.relkind in ('r', 'm') and c.oid >= 16384 and c.relpersistence <> 't'`;
const HAS_CHANGED = '(s.inserted <> 0 or s.updated <> 0 or s.deleted <> 0)';

const ALL = `(select coalesce(jsonb_object_agg(c.oid::text, jsonb_build_array(s.inserted, s.updated, s.deleted)), '{}')::text
      from ${COUNTED} and ${HAS_CHANGED})`;

/** SQL for one text: the counters of the session as they are now, as JSON. Empty where the server does not count. */
export const COUNTERS_NOW = `case current_setting('track_counts') when 'on' then ${ALL} else '' end`;

/**
 * What {@link COUNTERS_NOW} gave. Where the server does not count what is changed, it is told to for this transaction.
 *
 * @throws DatabaseFailure with SQLSTATE P0001: it does not, and the role may not switch it on.
 */
export async function countersNow(session: Queryable, read: string): Promise<Counters> {
  if (read !== '') return JSON.parse(read) as Counters;
  const { rows } = await session.query<{ may: string }>(
    `select case when rolsuper then true
                 when current_setting('server_version_num')::int >= 150000
                   then (xpath('/row/may/text()', query_to_xml(
                          $$select has_parameter_privilege('track_counts', 'set') as may$$, false, true, '')))[1]::text::boolean
                 else false end as may
       from pg_roles where rolname = current_user`,
  );
  if (rows[0]?.may !== 't') {
    const why =
      'track_counts is off on the server, so that nobody can tell what a correction changes beside the plan: switch it on';
    throw new DatabaseFailure('DATABASE_ERROR', why, 'P0001', why);
  }
  await session.query(`select set_config('track_counts', 'on', true)`);
  const now = await session.query<{ counters: string }>(`select ${ALL} as counters`);
  return JSON.parse(now.rows[0]?.counters ?? '{}') as Counters;
}

/** SQL for the counters of the session as jsonb, where the server counts. */
export const COUNTERS_JSON = `(${ALL})::jsonb`;

/**
 * SQL that lists the tables that the session has changed: `oid`, `schema`, `name`, `i`, `u`, `d`, `rewritten`. A table that this
 * transaction truncated has a row of it in pg_class: no older than the transaction and visible, so its own.
 */
export const CHANGED_TABLES = `select c.oid, n.nspname as schema, c.relname as name, s.inserted as i, s.updated as u, s.deleted as d,
            own.rewritten
       from (select pg_current_xact_id_if_assigned() as xid) as x
            cross join ${COUNTED.replace(
              ' where',
              `
            join pg_namespace n on n.oid = c.relnamespace
            cross join lateral (
              select case when age(c.xmin) <= age(x.xid::xid) then coalesce(pg_xact_status(
                       (((x.xid::text::bigint >> 32) << 32) + c.xmin::text::bigint)::text::xid8) = 'in progress', false)
                          else false end as rewritten
            ) as own
 where`,
            )}
        and (${HAS_CHANGED} or own.rewritten)`;

/** What this session has changed since the counters were read, in the same transaction. */
export async function changesBetween(session: Queryable, before: Counters): Promise<readonly Changed[]> {
  const { rows } =
    await session.query<Record<'oid' | 'schema' | 'name' | 'i' | 'u' | 'd' | 'rewritten', string>>(CHANGED_TABLES);
  return rows.flatMap((row) => {
    const [inserted, updated, deleted] = before[row.oid] ?? [0, 0, 0];
    const changed = {
      oid: row.oid,
      schema: row.schema,
      table: row.name,
      inserted: Number(row.i) - inserted,
      updated: Number(row.u) - updated,
      deleted: Number(row.d) - deleted,
      isRewritten: row.rewritten === 't',
    };
    const isSame = changed.inserted === 0 && changed.updated === 0 && changed.deleted === 0 && !changed.isRewritten;
    return isSame ? [] : [changed];
  });
}
