import type { Queryable } from '../database/connection';

/** How the times of a column are read, so that two of them have a distance: as points in time, or as times of day. */
export type TimeForm = 'instant' | 'time' | 'timetz';

/** A column, by its name in the source. */
export interface TimeColumn {
  readonly name: string;
  readonly form: TimeForm;
}

/** In what the precision of a time may have been lost, the finest first; bit n of a mask stands for the nth. */
export const PRECISIONS = [
  { name: 'milliseconds', how: 'truncated', sql: `date_trunc('milliseconds', s)` },
  { name: 'milliseconds', how: 'rounded', sql: 's::timestamptz(3)' },
  { name: 'seconds', how: 'truncated', sql: `date_trunc('second', s)` },
  { name: 'seconds', how: 'rounded', sql: 's::timestamptz(0)' },
  { name: 'minutes', how: 'truncated', sql: `date_trunc('minute', s)` },
  { name: 'hours', how: 'truncated', sql: `date_trunc('hour', s)` },
  { name: 'days', how: 'truncated', sql: `date_trunc('day', s)` },
] as const;

/** Rows of a column whose difference the same losses of precision would explain. */
export interface LossGroup {
  readonly column: string;
  /** Bits of {@link PRECISIONS}. */
  readonly mask: number;
  readonly rows: number;
  /** The least and the greatest distance among them, in microseconds. */
  readonly least: bigint;
  readonly greatest: bigint;
}

/** Rows of a column whose times lie equally far from those of the source. */
export interface OffsetGroup {
  readonly column: string;
  /** Of the target from the source, in microseconds; of times of day the shorter way round. */
  readonly offset: bigint;
  /** The same in words: `-01:00:00`. */
  readonly text: string;
  readonly rows: number;
  /** Rows in which the column differs. */
  readonly differing: number;
}

const DAY = 86_400_000_000;

/** A year of six digits, and infinity, have no distance here. */
const FINITE = (text: string) => `${text} !~ '^\\d{6}|infinity'`;
const READ = (text: string) => `case c.form when 'instant' then (${text})::timestamptz
    when 'time' then (date '2000-01-01' + (${text})::time)::timestamptz
    else date '2000-01-01' + (${text})::timetz end`;

/**
 * The differing times of a table's rows, as the run found them and as they still are: `name`, `s` and `t` of source and
 * target (NULL: no time to compare), `form`; and how far apart they are.
 */
const DIFFERING = `differing as (
    select c.name, c.form, case when ${FINITE(`d ->> 'source'`)} and ${FINITE(`d ->> 'target'`)} then ${READ(`d ->> 'source'`)} end as s,
           case when ${FINITE(`d ->> 'source'`)} and ${FINITE(`d ->> 'target'`)} then ${READ(`d ->> 'target'`)} end as t
      from reconciliation_log l cross join jsonb_array_elements(l.differences) as d
           join jsonb_to_recordset($3::jsonb) as c(name text, form text) on c.name = d ->> 'name'
     where l.run_id = $1 and l.table_name = $2 and l.inconsistency_type = 'field_mismatch' and l.check_kind is null
       and l.resolution not in ('AUTO_CORRECTED', 'APPROVED_CORRECTED')),
  apart as (
    select name, form, s, t, ((extract(epoch from t) - extract(epoch from s)) * 1000000)::bigint as microseconds
      from differing),
  masked as (
    select name, form, microseconds, ${PRECISIONS.map(({ sql }, i) => `case when t = ${sql} and t <> s then ${1 << i} else 0 end`).join(' | ')} as mask
      from apart)`;

export async function readLossGroups(
  ledger: Queryable,
  runId: string,
  table: string,
  columns: readonly TimeColumn[],
): Promise<readonly LossGroup[]> {
  const { rows } = await ledger.query<Record<'name' | 'mask' | 'rows' | 'least' | 'greatest', string>>(
    `with ${DIFFERING}
     select name, mask, count(*) as rows, min(microseconds) as least, max(microseconds) as greatest
       from masked where mask <> 0 group by name, mask order by name, mask`,
    [runId, table, JSON.stringify(columns)],
  );
  return rows.map((row) => ({
    column: row.name,
    mask: Number(row.mask),
    rows: Number(row.rows),
    least: BigInt(row.least),
    greatest: BigInt(row.greatest),
  }));
}

const WITHIN = 26 * 3_600_000_000;
const QUARTER = 900_000_000;

/**
 * The distances that at least three rows of a column share: at least half of those that differ, or a whole number of
 * quarters of an hour, as time zones lie apart. What a loss of precision explains (`losses`: bits by column) is left out.
 */
export async function readOffsetGroups(
  ledger: Queryable,
  runId: string,
  table: string,
  columns: readonly TimeColumn[],
  losses: Readonly<Record<string, number>>,
): Promise<readonly OffsetGroup[]> {
  const { rows } = await ledger.query<Record<'name' | 'offset' | 'text' | 'rows' | 'differing', string>>(
    `with ${DIFFERING},
     shifted as (
       select name, case when form = 'instant' then microseconds
                         else mod(mod(microseconds + ${DAY / 2}, ${DAY}) + ${DAY}, ${DAY}) - ${DAY / 2} end as offset_by,
              mask & coalesce(($4::jsonb ->> name)::int, 0) <> 0 as is_explained
         from masked),
     grouped as (
       select name, offset_by, count(*) filter (where not is_explained) as rows from shifted group by name, offset_by),
     totals as (select name, count(*) as differing from differing group by name)
     select name, offset_by as offset, justify_hours(offset_by * interval '1 microsecond')::text as text, rows, differing
       from grouped join totals using (name)
      where rows >= 3 and offset_by <> 0
        and (2 * rows >= differing or (mod(offset_by, ${QUARTER}) = 0 and abs(offset_by) <= ${WITHIN}))
      order by name, offset_by`,
    [runId, table, JSON.stringify(columns), JSON.stringify(losses)],
  );
  return rows.map((row) => ({
    column: row.name,
    offset: BigInt(row.offset),
    text: row.text,
    rows: Number(row.rows),
    differing: Number(row.differing),
  }));
}
