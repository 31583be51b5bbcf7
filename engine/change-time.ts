import type { ChangeColumn, ChangeTime, Comparison } from '../contracts/comparison';
import { TrueupError } from '../contracts/errors';
import type { TablePair } from '../contracts/table-pair';
import type { Database } from '../database/connection';
import { quoteIdentifier, quoteLiteral } from '../database/identifier';
import type { TableShape } from '../database/table-shape';
import type { Sides } from './compare-chunk';
import { settledBoth } from './locate';
import { sideSql, type Role, type Side } from './side';
import type { Zones } from './zone';

const OVERLAP_MS = 5 * 60_000;
/** No zone lies farther behind UTC, as which a time without a zone is read: a row must not look older than it is. */
const FARTHEST_ZONE_MS = 12 * 3_600_000;

const ZONED: Readonly<Record<string, boolean>> = {
  'timestamp with time zone': true,
  'timestamp without time zone': false,
};

/**
 * By what the changed rows of a table pair are found.
 *
 * @throws UPDATED_AT_UNUSABLE: the config names no column, a side lacks it, or it is no timestamp.
 */
export function changeTimeOf(pair: TablePair, source: TableShape, target: TableShape, zones?: Zones): ChangeTime {
  const { updatedAt } = pair;
  if (updatedAt === undefined) throw new TrueupError('UPDATED_AT_UNUSABLE', `table ${pair.name}: updatedAt is missing`);
  return {
    source: changeColumn(pair, 'source', source, updatedAt, zones),
    target: changeColumn(pair, 'target', target, pair.columns[updatedAt] ?? updatedAt, zones),
  };
}

function changeColumn(
  pair: TablePair,
  role: Role,
  shape: TableShape,
  name: string,
  zones: Zones | undefined,
): ChangeColumn {
  const refuse = (why: string) =>
    new TrueupError('UPDATED_AT_UNUSABLE', `table ${pair.name}: updatedAt ${pair.updatedAt ?? name}: ${why}`);
  const found = shape.columns.find((column) => column.name === name);
  if (!found) {
    const names = shape.columns.map((column) => column.name).join(', ');
    throw refuse(`the ${role} has no column ${name}; it has ${names}`);
  }
  const zoned = ZONED[found.baseType];
  if (zoned === undefined) {
    throw refuse(`column ${name} of the ${role} is ${found.type}; allowed are ${Object.keys(ZONED).join(', ')}`);
  }
  if (pair.overlapMs === undefined) {
    // Enough for whoever writes local times of another zone than the database's.
    return { column: name, zoned, overlapMs: OVERLAP_MS + (zoned ? 0 : FARTHEST_ZONE_MS) };
  }
  const zone = zoned ? null : (zones?.[role] ?? null);
  return { column: name, zoned, overlapMs: pair.overlapMs, ...(zone === null ? {} : { zone }) };
}

/**
 * A side as its changed rows are looked for: those whose column says so from the time `since` on (UTC, without a zone),
 * and those of which it says nothing. The pair's filter is left out: a row that has left it has to be looked at, too.
 */
export function changedSide(comparison: Comparison, side: Side, since: string): Side {
  const change = comparison.changeTime?.[side.role];
  if (!change)
    throw new TrueupError('INTERNAL', `table ${comparison.pair.name}: no column says when a row was changed`);
  const column = quoteIdentifier(change.column);
  const instant = `${quoteLiteral(`${since}+00`)}::timestamptz`;
  const local = change.zone
    ? `timezone(${quoteLiteral(change.zone)}, ${instant})`
    : `${quoteLiteral(since)}::timestamp`;
  const from = change.zoned ? instant : local;
  const { filter } = sideSql({ ...comparison, pair: { ...comparison.pair, where: null } }, side.role);
  return { ...side, filter: `${filter} and (${column} >= ${from} or ${column} is null)` };
}

/** The clocks of both sides, as texts in UTC without a zone. */
export interface Moments {
  readonly source: string;
  readonly target: string;
}

/** Up to when all that was written on each side is seen by what is read from now on. */
export async function readMoments(sides: Sides, signal?: AbortSignal): Promise<Moments> {
  const [source, target] = await settledBoth(
    readMoment(sides.source.database, signal),
    readMoment(sides.target.database, signal),
  );
  return { source, target };
}

const UTC = (time: string) => `to_char(${time} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')`;

/**
 * The database's clock, or the beginning of the oldest transaction that still runs there: it may commit rows that bear
 * that time. A standby has seen what was committed up to the last transaction that it replayed. Other users' transactions show their beginning only to members of pg_read_all_stats; for those that do not,
 * there is the overlap.
 */
async function readMoment(database: Database, signal?: AbortSignal): Promise<string> {
  return database.withSession(async (session) => {
    // The clock comes first: what begins after it is not older.
    const { rows } = await session.query<{ now: string }>('select clock_timestamp()::text as now');
    const oldest = await session.query<{ at: string }>(
      `select ${UTC(`least($1::timestamptz, min(began))`)} as at
         from (select xact_start as began from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid() and backend_type <> 'autovacuum worker'
               union all
               select prepared from pg_prepared_xacts where database = current_database()
               union all
               select coalesce(pg_last_xact_replay_timestamp(), 'epoch') where pg_is_in_recovery()) as running`,
      [rows[0]?.now],
    );
    return oldest.rows[0]?.at ?? '';
  }, signal);
}
