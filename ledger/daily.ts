import type { DailyReport, Tally } from '../contracts/report';
import type { Queryable } from '../database/connection';
import {
  countPurgedRuns,
  listJobs,
  tallyAutoCorrection,
  tallyCorrections,
  tallyFindings,
  tallyRuns,
  type TallyScope,
} from './tally';

/** What the runs of a scope found and corrected. */
export async function readTally(ledger: Queryable, scope: TallyScope): Promise<Tally> {
  const findings = await tallyFindings(ledger, scope);
  const corrections = await tallyCorrections(ledger, scope);
  const { jobs, leftOut } = await listJobs(ledger, scope);
  const byTable = sums(findings, ({ table, findings: n }) => [table, n]);
  return {
    findings: {
      total: findings.reduce((sum, line) => sum + line.findings, 0),
      byTable,
      byType: sums(findings, ({ type, findings: n }) => [type, n]),
      bySeverity: sums(findings, ({ severity, findings: n }) => [severity, n]),
      lines: findings,
    },
    tablesAffected: Object.keys(byTable).length,
    corrections: {
      byStatus: sums(corrections, ({ status, corrections: n }) => [status, n]),
      automatic: corrections.reduce((sum, line) => sum + (line.automatic ? line.corrections : 0), 0),
      lines: corrections,
    },
    autoCorrection: await tallyAutoCorrection(ledger, scope),
    jobs,
    jobsLeftOut: leftOut,
    purgedRuns: await countPurgedRuns(ledger, scope),
  };
}

/** The runs that began on a day. @param today the day that it is now, both `YYYY-MM-DD` in UTC. */
export async function readDailyReport(ledger: Queryable, date: string, today: string): Promise<DailyReport> {
  const byStatus = await tallyRuns(ledger, { date });
  const total = Object.values(byStatus).reduce((sum, n) => sum + n, 0);
  return {
    date,
    timeZone: 'UTC',
    isOver: date < today,
    runs: { total, byStatus },
    ...(await readTally(ledger, { date })),
  };
}

/** Without a prototype, as a table may have any name. */
function sums<T>(lines: readonly T[], of: (line: T) => readonly [name: string, n: number]): Record<string, number> {
  const result = Object.create(null) as Record<string, number>;
  for (const line of lines) {
    const [name, n] = of(line);
    result[name] = (result[name] ?? 0) + n;
  }
  return result;
}
