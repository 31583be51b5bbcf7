import { scopeOf, scopeText } from '../contracts/approval';
import type { CheckSummary } from '../contracts/check';
import { breachText } from '../contracts/guard';
import type { JobResult } from '../contracts/job';
import type { Decision } from '../contracts/messages';
import type { PurgeSummary } from '../contracts/purge';
import { standingOf, type PlanLine, type PlanSummary, type TableSummary } from '../contracts/run';
import type { Tuning } from '../contracts/throttle';

/**
 * Markdown for Temporal Web's current details. It shows names, counts and digests, never a row, and stays under the
 * 20 KB that there is room for, whatever names and messages come in.
 */

const LONGEST_CELL = 80;
const LONGEST_LINE = 300;

/** A text from anywhere on one line, and of no more than so many characters. */
function short(text: string, longest: number): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length <= longest ? line : `${line.slice(0, longest - 1)}…`;
}

const cell = (text: string | number) => short(String(text), LONGEST_CELL).replaceAll('|', '\\|');

/** Temporal Web sets cells without a gap: no-break spaces are what neither Markdown nor a browser takes away. */
const GAP = '\u00a0\u00a0';

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.map(cell).join(`${GAP} | `)} |`;
  return [line(head), `| ${head.map(() => '---').join(' | ')} |`, ...rows.map(line)].join('\n');
}

/** How the run compares, where that is not simply as it began: paused, or told to do more or less at once. */
export function tuningLine(now: Tuning, began: Tuning): string {
  const { concurrency, maxChunksPerConnection: ceiling, paused } = now;
  const isTuned = concurrency !== began.concurrency || ceiling !== began.maxChunksPerConnection;
  const limits = ceiling === null ? '' : `, at most ${ceiling} on each database`;
  return [
    ...(paused === null ? [] : [`**paused**: ${short(paused, LONGEST_LINE)}`]),
    ...(isTuned ? [`tuned: ${concurrency} chunks at once${limits}`] : []),
  ].join('; ');
}

/** Details past this many tables name only the ones that are not consistent; a plan's lines past it are counted. */
const MOST_ROWS = 50;
const MOST_NAMES = 3;

export function progressTable(tables: readonly TableSummary[]): string {
  const shown =
    tables.length <= MOST_ROWS
      ? tables
      : tables.filter((found) => found.phase !== 'waiting' && found.status !== 'consistent').slice(0, MOST_ROWS);
  const rows = shown.map((found) => [
    found.name,
    found.phase === 'done' ? standingOf(found) : found.phase,
    `${found.chunksDone}/${found.chunks}`,
    found.rowsSource,
    found.rowsTarget,
    found.findings.missing_in_target ?? 0,
    found.findings.extra_in_target ?? 0,
    found.findings.field_mismatch ?? 0,
    found.transient,
    found.unsettled,
  ]);
  const head = [
    'table',
    'phase',
    'chunks',
    'rows source',
    'rows target',
    'missing',
    'extra',
    'mismatch',
    'transient',
    'unsettled',
  ];
  const left = tables.length - shown.length;
  const more = left > 0 ? `\n\n… and ${left} more tables that wait or are consistent` : '';
  return table(head, rows) + more + portableNote(shown);
}

/** Where the servers' own hash functions are used, which is nearly everywhere, there is nothing to say of it. */
function portableNote(tables: readonly TableSummary[]): string {
  const names = tables.filter(({ hash }) => hash === 'portable').map(({ name }) => short(name, 40));
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more tables` : '';
  const named = names.slice(0, MOST_NAMES).join(', ');
  return names.length === 0 ? '' : `\n\nHashed by SHA-256 of the values' text (portable): ${named}${more}`;
}

/** What a scheduled job does, or came to. */
export function jobSection(job: string, run: string, result: JobResult | null): string {
  const head = `Job \`${job}\`: **${result?.status ?? 'running'}**, run \`${run}\``;
  if (!result) return head;
  const { issuesFound, corrections, queued, highSeverity, alert, remaining = '' } = result;
  const row = [issuesFound, corrections, queued, remaining, highSeverity, alert];
  return `${head}\n\n${table(['issues found', 'corrections', 'queued', 'left', 'high severity', 'alert'], [row])}`;
}

/** What was checked beside the rows and did not pass, and how many checks did; '' before any is done. */
export function checksSection(checks: readonly CheckSummary[]): string {
  if (checks.length === 0) return '';
  const left = checks.filter(({ status }) => status !== 'passed');
  const passed = `Checks passed: ${checks.length - left.length} of ${checks.length}`;
  if (left.length === 0) return passed;
  const rows = left
    .slice(0, MOST_ROWS_WITH_TRIGGERS)
    .map(({ kind, subject, status, findings, detail, error }) => [
      kind,
      subject,
      status,
      findings,
      error ? error.code : (detail ?? ''),
    ]);
  const more = left.length > rows.length ? `\n\n… and ${left.length - rows.length} more checks` : '';
  return `${passed}\n\n${table(['check', 'of', 'status', 'findings', 'detail'], rows)}${more}`;
}

/** Where triggers are named too, their names are cut at this length, and fewer lines have room. */
const LONGEST_TRIGGERS = 40;
const MOST_ROWS_WITH_TRIGGERS = 30;

/** The plan by table and operation; the column of triggers stands only where there are any. */
export function planTable(plan: PlanSummary): string {
  const fires = plan.lines.some(({ triggers }) => triggers !== undefined);
  const shown = plan.lines.slice(0, fires ? MOST_ROWS_WITH_TRIGGERS : MOST_ROWS);
  const rows = shown.map((line) => [
    line.table,
    operationOf(line),
    line.rows,
    line.needsApproval ? 'needed' : 'not needed',
    ...(fires ? [short(line.triggers?.join(', ') ?? '', LONGEST_TRIGGERS)] : []),
  ]);
  const left = plan.lines.length - rows.length;
  const head = ['table', 'operation', 'rows', 'approval', ...(fires ? ['fires triggers'] : [])];
  return table(head, rows) + (left > 0 ? `\n\n… and ${left} more lines` : '');
}

const MOST_BREACHES = 5;
const LONGEST_NAME = 60;

/** Which tables are over their guard, by how much, and what that takes; nothing where none is. */
export function blockedSection({ blocked = [] }: PlanSummary): string {
  if (blocked.length === 0) return '';
  const lines = blocked
    .slice(0, MOST_BREACHES)
    .map((breach) => `- ${short(breachText({ ...breach, table: short(breach.table, LONGEST_NAME) }), LONGEST_LINE)}`);
  const left = blocked.length - lines.length;
  return [
    '**Blocked**: more rows would be deleted or overwritten than the guard allows. Only an approval with `override` is taken.',
    [...lines, ...(left > 0 ? [`- … and ${left} more tables`] : [])].join('\n'),
  ].join('\n\n');
}

/** The plan where nothing waits for a decision on it: in a dry run, or once it is decided. */
export function planSection(plan: PlanSummary): string {
  if (plan.total === 0) return '';
  const head = `Plan **\`${plan.digest}\`**, ${plan.total} corrections`;
  return [head, blockedSection(plan), planTable(plan)].filter((part) => part !== '').join('\n\n');
}

function operationOf({ operation, effectOf }: PlanLine): string {
  return effectOf === undefined ? operation : `${operation} with ${effectOf}`;
}

/** The exact commands that decide on a plan. */
export function howToDecide(
  workflowId: string,
  { digest, blocked = [] }: Pick<PlanSummary, 'digest' | 'blocked'>,
): readonly string[] {
  const override = blocked.length > 0;
  const approval = JSON.stringify({ approver: 'YOUR NAME', planDigest: digest, ...(override ? { override } : {}) });
  const rejection = JSON.stringify({ approver: 'YOUR NAME', reason: 'WHY' });
  return [
    `trueup approve ${workflowId} --plan ${digest}${override ? ' --override' : ''}`,
    `temporal workflow signal --workflow-id ${workflowId} --name approve --input '${approval}'`,
    `temporal workflow signal --workflow-id ${workflowId} --name reject --input '${rejection}'`,
  ];
}

export function gateSection(workflowId: string, plan: PlanSummary, deadline: string): string {
  return [
    '## Waiting for approval',
    `Plan **\`${plan.digest}\`**, ${plan.total} corrections, deadline ${deadline}. Without a decision nothing is changed.`,
    ...[blockedSection(plan)].filter((section) => section !== ''),
    planTable(plan),
    'To decide, send the signal `approve` or the update `decide` from this page, or run one of:',
    '```\n' + howToDecide(workflowId, plan).join('\n') + '\n```',
    'To approve a part, add `tables` or `operations`: what needs approval and lies outside is left out.',
    `Field by field: \`trueup plan ${workflowId}\``,
  ].join('\n\n');
}

/** What reading the corrected rows again came to, and how much a run that has ended leaves; '' where neither is known. */
export function leftSection(
  verified: { readonly checked: number; readonly differing: number } | null,
  remaining: number | undefined,
): string {
  const lines: string[] = [];
  if (verified !== null && verified.checked > 0) {
    const { checked, differing } = verified;
    const came = differing === 0 ? 'all as they should be' : `**${differing} differ**: written by others since`;
    lines.push(`Verified: ${checked} corrected rows read again, ${came}`);
  }
  if (remaining !== undefined) lines.push(remaining === 0 ? 'Nothing is left.' : `**Left: ${remaining}** differences`);
  return lines.join('\n\n');
}

export function purgeSection(state: string, summary: PurgeSummary): string {
  const { runs, cutoff, images, ledger, kept } = summary;
  const rows = [
    ...images.map((line) => ({ ...line, place: 'target' })),
    ...ledger.map((line) => ({ ...line, place: 'ledger' })),
  ];
  const lines = rows.slice(0, MOST_ROWS).map((line) => [line.place, line.table, line.rows, line.bytes]);
  return [
    `Purge: **${state}**`,
    `${runs} runs${cutoff === null ? '' : ` that ended before ${cutoff}`}; they can be undone no more once it begins.`,
    table(['where', 'table', 'rows', 'bytes'], lines),
    `Kept: ${kept.notEnded} that have not ended, ${kept.undoUnderWay} whose undo is under way, ${kept.neededByUndo} needed by an undo.`,
  ].join('\n\n');
}

export function refusedSection(refused: readonly string[]): string {
  if (refused.length === 0) return '';
  const lines = refused.slice(-10).map((text) => `- ${short(text, LONGEST_LINE)}`);
  return ['## Refused', ...lines].join('\n');
}

export function decidedLine(decided: Decision, leftOut = 0): string {
  const { decision, approver, decidedAt, override } = decided;
  const part = scopeText(scopeOf(decided));
  return [
    `Decided: **${decision}** by ${short(approver, LONGEST_LINE)} at ${decidedAt}`,
    ...(part === null ? [] : [short(part, LONGEST_LINE), `${leftOut} corrections left out`]),
    ...(override === true ? ['overriding the guard'] : []),
  ].join('; ');
}
