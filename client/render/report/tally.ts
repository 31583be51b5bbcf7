import type { AutoCorrection, Tally } from '../../../contracts/report';
import { count, duration, instant, plural } from '../text';
import { stackedBars, type ReportDocument, type ReportSection } from './document';

/** `–` for what there is no number of. */
export const NONE = '–';

export function percent(rate: number | null): string {
  return rate === null ? NONE : `${(rate * 100).toFixed(1)} %`;
}

/** `70.0 % (7 of 10)` */
export function autoCorrectionText({ rate, corrected, rowFindings }: AutoCorrection): string {
  return rate === null ? NONE : `${percent(rate)} (${count(corrected)} of ${count(rowFindings)})`;
}

/** `12: high 10, medium 2` */
export function parts(total: number, by: Readonly<Record<string, number | undefined>>): string {
  const listed = Object.entries(by).map(([name, n]) => `${name} ${count(n ?? 0)}`);
  return listed.length === 0 ? count(total) : `${count(total)}: ${listed.join(', ')}`;
}

export function tallyFacts(tally: Tally): ReportDocument['facts'] {
  const { findings, corrections, tablesAffected, autoCorrection, purgedRuns } = tally;
  const { SUCCESS: made = 0 } = corrections.byStatus;
  return [
    ['Findings', parts(findings.total, findings.bySeverity)],
    ['Tables affected', count(tablesAffected)],
    ['Corrections made', `${count(made)}, ${count(corrections.automatic)} of them without approval`],
    ['Auto-correction rate', autoCorrectionText(autoCorrection)],
    ...(purgedRuns === 0 ? [] : [['Not counted', `${plural(purgedRuns, 'run')} whose findings were purged`] as const]),
  ];
}

export function tallySections(tally: Tally): readonly ReportSection[] {
  return [findingsSection(tally), correctionsSection(tally), jobsSection(tally)];
}

function findingsSection({ findings: { lines } }: Tally): ReportSection {
  return {
    heading: 'Findings',
    columns: [
      ...['table', 'type', 'severity'].map((head) => ({ head })),
      ...['findings', 'corrected', 'in review', 'kept'].map((head) => ({ head, align: 'right' as const })),
    ],
    rows: lines.map((line) => [
      ...[line.table, line.type, line.severity],
      ...[line.findings, line.corrected, line.inReview, line.kept].map(count),
    ]),
    empty: 'No findings.',
    ...stackedBars(lines.map(({ table, type, findings }) => ({ label: table, name: type, n: findings }))),
  };
}

function correctionsSection({ corrections: { lines } }: Tally): ReportSection {
  return {
    heading: 'Corrections',
    columns: [
      ...['table', 'operation', 'status', 'approval'].map((head) => ({ head })),
      { head: 'corrections', align: 'right' },
    ],
    rows: lines.map(({ table, operation, status, automatic, corrections }) => [
      ...[table, operation, status, status !== 'SUCCESS' ? '' : automatic ? 'not needed' : 'given'],
      count(corrections),
    ]),
    empty: 'No corrections.',
    ...stackedBars(
      lines
        .filter(({ status }) => status === 'SUCCESS')
        .map(({ table, operation, corrections }) => ({ label: table, name: operation, n: corrections })),
    ),
  };
}

function jobsSection({ jobs, jobsLeftOut }: Tally): ReportSection {
  return {
    heading: 'Jobs',
    columns: [
      ...['run', 'job', 'status', 'started'].map((head) => ({ head })),
      ...['took', 'findings', 'corrections', 'queued', 'left'].map((head) => ({ head, align: 'right' as const })),
      { head: 'error' },
    ],
    rows: jobs.map((job) => [
      ...[job.runId, job.jobType, job.status, instant(job.startedAt)],
      job.endedAt === null ? '' : duration(Date.parse(job.endedAt) - Date.parse(job.startedAt)),
      ...[job.issuesFound, job.corrections, job.queued].map(count),
      job.remaining === null ? '' : count(job.remaining),
      job.error ?? '',
    ]),
    empty: 'No jobs.',
    ...(jobsLeftOut === 0 ? {} : { note: `${plural(jobsLeftOut, 'older job')} left out.` }),
  };
}
