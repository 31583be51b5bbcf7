import type { RunReport } from '../../contracts/run';
import type { Colors } from './colors';
import { totalFindings } from './findings-text';
import { statusText } from './status-text';
import { count, duration, instant } from './text';
import { drawTable } from './table';

/** The latest runs, one line each. */
export function runsTable(reports: readonly RunReport[], colors: Colors): string {
  return drawTable(
    [
      { head: 'run' },
      { head: 'kind' },
      { head: 'status' },
      { head: 'started' },
      { head: 'took', align: 'right' },
      { head: 'findings', align: 'right' },
      { head: 'corrected', align: 'right' },
      { head: 'left', align: 'right' },
    ],
    reports.map((report) => [
      report.runId,
      report.kind,
      statusText(report.status, colors),
      instant(report.startedAt),
      report.endedAt === null ? '' : duration(Date.parse(report.endedAt) - Date.parse(report.startedAt)),
      count(report.tables.reduce((sum, table) => sum + totalFindings(table.findings), 0)),
      count(report.corrections.SUCCESS ?? 0),
      count(report.remaining),
    ]),
  );
}
