import type { RunMode } from '../../contracts/check';
import { ERRORS, isErrorCode } from '../../contracts/errors';
import type { RowInconsistencyType } from '../../contracts/finding';
import type { RunPhase } from '../../contracts/messages';
import { standingOf, type RunReport, type TableSummary } from '../../contracts/run';
import { serverFacts } from './servers';
import { checkLines } from './check-lines';
import type { Colors } from './colors';
import { totalFindings } from './findings-text';
import { leftLines } from './left';
import { decisionLine } from './plan-table';
import { sideEffectLines } from './side-effect-lines';
import { statusText } from './status-text';
import { count, duration, instant, plural } from './text';
import { drawTable, type Column } from './table';

const ROW_TYPES = ['missing_in_target', 'extra_in_target', 'field_mismatch'] as const satisfies RowInconsistencyType[];

const COLUMNS: readonly Column[] = [
  { head: 'table' },
  { head: 'compared' },
  { head: 'source rows', align: 'right' },
  { head: 'target rows', align: 'right' },
  { head: 'missing', align: 'right' },
  { head: 'extra', align: 'right' },
  { head: 'mismatched', align: 'right' },
  { head: 'other', align: 'right' },
  { head: 'transient', align: 'right' },
  { head: 'unsettled', align: 'right' },
];

function summaryRow(table: TableSummary): readonly string[] {
  const counts = ROW_TYPES.map((type) => table.findings[type] ?? 0);
  const other = totalFindings(table.findings) - counts.reduce((sum, n) => sum + n, 0);
  const numbers = [table.rowsSource, table.rowsTarget, ...counts, other, table.transient, table.unsettled];
  return [table.name, standingOf(table), ...numbers.map(count)];
}

/** What was found, one line per table; the column `other` stands only where it says something. */
export function summaryTable(tables: readonly TableSummary[]): string {
  const rows = tables.map(summaryRow);
  const other = COLUMNS.findIndex((column) => column.head === 'other');
  const shown = COLUMNS.map((_, i) => i).filter((i) => i !== other || rows.some((row) => row[other] !== '0'));
  const pick = <T>(all: readonly T[]) => all.filter((_, i) => shown.includes(i));
  return drawTable(
    pick(COLUMNS),
    rows.map((row) => pick(row)),
  );
}

function correctionsLine(report: RunReport): string | null {
  const parts = Object.entries(report.corrections)
    .filter(([, n]) => n > 0)
    .map(([status, n]) => `${count(n)} ${status}`);
  return parts.length === 0 ? null : `Corrections: ${parts.join(', ')}.`;
}

function verifiedLine({ verified }: RunReport): string | null {
  if (verified === null || verified.checked === 0) return null;
  const { checked, differing } = verified;
  return `Verified: ${plural(checked, 'touched row')} compared again, ${differing === 0 ? 'all equal' : `${count(differing)} still differ`}.`;
}

/** The order in which a run goes through its phases; the ledger keeps none. */
const PHASE_ORDER: readonly string[] = [
  'opening',
  'comparing',
  'checking',
  'planning',
  'awaiting approval',
  'applying',
  'verifying',
  'closing',
] satisfies RunPhase[];

/** `Phases: comparing 2.4 s, applying 80 ms.` */
export function phasesLine({ phases }: RunReport): string | null {
  const place = (phase: string) => (PHASE_ORDER.includes(phase) ? PHASE_ORDER.indexOf(phase) : PHASE_ORDER.length);
  const parts = Object.entries(phases)
    .sort(([a], [b]) => place(a) - place(b))
    .map(([phase, ms]) => `${phase} ${duration(ms)}`);
  return parts.length === 0 ? null : `Phases: ${parts.join(', ')}.`;
}

function timesLine({ startedAt, endedAt }: RunReport): string {
  if (endedAt === null) return `Started ${instant(startedAt)}.`;
  return `Started ${instant(startedAt)}, took ${duration(Date.parse(endedAt) - Date.parse(startedAt))}.`;
}

function errorLines({ code, message }: { readonly code: string; readonly message: string }): readonly string[] {
  const line = `Error: ${code}: ${message}`;
  return isErrorCode(code) ? [line, `  ${ERRORS[code].help}`] : [line];
}

/** `Databases: legacy is shop, PostgreSQL 16.4, system …448312; …`, and a failover if there was one. */
function serversLine({ servers }: RunReport): string | null {
  if (servers === undefined) return null;
  const parts = serverFacts(servers).map(([name, text]) => `${name} is ${text}`);
  return `Databases: ${parts.join('; ')}.`;
}

/** `Of run trueup-…: tables orders; forced.` */
function scopeLine({ runId, tables, corrections, force }: NonNullable<RunReport['undo']>): string {
  const parts = [
    ...(tables === null ? [] : [`tables ${tables.join(', ')}`]),
    ...(corrections === null ? [] : [plural(corrections.length, 'correction')]),
    ...(force ? ['forced: overwrites what was changed since'] : []),
  ];
  return `Of run ${runId}: ${parts.length === 0 ? 'all of it' : parts.join('; ')}.`;
}

/** What a run in this mode cannot see; of the others nothing has to be said. */
const MODE_LINES: Readonly<Partial<Record<RunMode, string>>> = {
  count: 'Only counts were compared: rows that differ where the counts are equal are not seen.',
  aggregate: 'Only counts, sums and checksums by group were compared; rows, only of groups that differ.',
};

/** A run that compared a part of a table only does not know that the whole is consistent. */
function runStatus({ status, tables }: RunReport, colors: Colors): string {
  const partly = tables.map(({ compared }) => compared).filter((compared) => compared !== undefined);
  if (status !== 'consistent' || partly.length === 0) return statusText(status, colors);
  if (partly.includes('a sample')) return colors.green('no difference in the sample');
  return `${statusText(status, colors)} (${[...new Set(partly)].join(', ')})`;
}

/** A run's report for people: what was found, what was done about it, what is left and why, how long it took. */
export function summaryLines(report: RunReport, colors: Colors): readonly string[] {
  const what = { reconcile: 'Run', undo: 'Undo', review: 'Review' }[report.kind];
  const lines = [`${what} ${colors.bold(report.runId)}: ${runStatus(report, colors)}`, timesLine(report)];
  if (report.undo) lines.push(scopeLine(report.undo));
  if (report.tables.length > 0) lines.push('', summaryTable(report.tables));
  const seen = MODE_LINES[report.mode];
  if (report.tables.length > 0 && seen !== undefined) lines.push(seen);
  lines.push(...checkLines(report.checks, colors));
  if (report.tables.length + report.checks.length > 0) lines.push('');
  for (const line of [correctionsLine(report), verifiedLine(report), phasesLine(report), serversLine(report)]) {
    if (line !== null) lines.push(line);
  }
  lines.push(...sideEffectLines(report));
  if (report.decision !== null) lines.push(`${decisionLine(report.decision, report.leftOut)}.`);
  if (report.error) lines.push(...errorLines(report.error));
  if (report.endedAt !== null && report.chain !== null && report.chain.entries > 0) {
    const { entries, head } = report.chain;
    lines.push(`Ledger: ${plural(entries, 'entry', 'entries')}, head ${head}`);
  }
  for (const refusal of report.refusedDecisions) lines.push(`Refused decision: ${refusal}`);
  lines.push(...leftLines(report));
  return lines;
}
