import type { TrendDay, TrendReport } from '../contracts/report';
import { judgeTrend } from '../contracts/trend';
import type { Queryable } from '../database/connection';
import { autoCorrection, ROW_FINDINGS } from './tally';

/** Days from `$1` to `$2`, and the run that began on each, as SQL. */
const DAY = (column: string) => `(${column} at time zone 'UTC')::date`;
const SPAN = (alias: string) => `${alias}.started_at >= $1::date::timestamp at time zone 'UTC'
        and ${alias}.started_at < ($2::date + 1)::timestamp at time zone 'UTC'`;

/** A run that looked at what it was asked to look at, to the end: also where it waits for an approval, or got none. */
const LOOKED = `r.kind = 'reconcile'
        and r.status in ('consistent', 'inconsistent', 'awaiting_approval', 'applied', 'rejected', 'expired')`;

interface DayRow {
  date: string;
  runs: string;
  looked: string;
  purged: string;
}

async function listDays(ledger: Queryable, from: string, to: string): Promise<readonly DayRow[]> {
  const { rows } = await ledger.query<DayRow>(
    `select to_char(d.day, 'YYYY-MM-DD') as date, count(r.run_id) as runs,
            count(*) filter (where ${LOOKED}) as looked,
            count(*) filter (where exists (
              select 1 from purge_run x join purge p using (purge_id) where x.run_id = r.run_id and p.findings)) as purged
       from (select $1::date + n as day from generate_series(0, $2::date - $1::date) as n) as d
            left join run r on ${DAY('r.started_at')} = d.day and ${SPAN('r')}
      group by d.day order by d.day`,
    [from, to],
  );
  return rows;
}

async function countFindingsByDay(ledger: Queryable, from: string, to: string): Promise<ReadonlyMap<string, number>> {
  const { rows } = await ledger.query<{ date: string; n: string }>(
    `select to_char(${DAY('r.started_at')}, 'YYYY-MM-DD') as date, count(*) as n
       from run r join reconciliation_log l using (run_id) where ${SPAN('r')} group by 1`,
    [from, to],
  );
  return new Map(rows.map(({ date, n }) => [date, Number(n)]));
}

async function countCorrectionsByDay(
  ledger: Queryable,
  from: string,
  to: string,
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await ledger.query<{ date: string; n: string }>(
    `select to_char(${DAY('r.started_at')}, 'YYYY-MM-DD') as date, count(*) as n
       from run r join correction_log c using (run_id) where ${SPAN('r')} and c.status = 'SUCCESS' group by 1`,
    [from, to],
  );
  return new Map(rows.map(({ date, n }) => [date, Number(n)]));
}

async function countAutomaticByDay(
  ledger: Queryable,
  from: string,
  to: string,
): Promise<ReadonlyMap<string, { readonly rowFindings: number; readonly corrected: number }>> {
  const { rows } = await ledger.query<{ date: string; n: string; automatic: string }>(
    `select to_char(${DAY('f.started_at')}, 'YYYY-MM-DD') as date, count(*) as n,
            count(*) filter (where automatic) as automatic
       from (${ROW_FINDINGS} and ${SPAN('r')}) as f group by 1`,
    [from, to],
  );
  return new Map(rows.map((row) => [row.date, { rowFindings: Number(row.n), corrected: Number(row.automatic) }]));
}

/** The days from `from` to `to`, both `YYYY-MM-DD` in UTC, as is `today`, and where they lead. */
export async function readTrend(ledger: Queryable, from: string, to: string, today: string): Promise<TrendReport> {
  const findings = await countFindingsByDay(ledger, from, to);
  const corrections = await countCorrectionsByDay(ledger, from, to);
  const automatic = await countAutomaticByDay(ledger, from, to);
  const days = (await listDays(ledger, from, to)).map(({ date, runs, looked, purged }): TrendDay => {
    const { rowFindings, corrected } = automatic.get(date) ?? { rowFindings: 0, corrected: 0 };
    const found = findings.get(date) ?? 0;
    // What was purged was found all the same; how much it was is not known.
    const hasData = Number(purged) === 0 && (Number(looked) > 0 || found > 0);
    return {
      date,
      isOver: date < today,
      runs: Number(runs),
      findings: hasData ? found : null,
      corrections: corrections.get(date) ?? 0,
      autoCorrection: autoCorrection(rowFindings, corrected),
      purgedRuns: Number(purged),
    };
  });
  return { from, to, timeZone: 'UTC', days, trend: judgeTrend(days) };
}
