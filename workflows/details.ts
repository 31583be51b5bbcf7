import type { PlanSummary, TableSummary } from '../contracts/run';

/** Markdown for Temporal Web's current details. It shows names, counts and digests, never a row. */

const cell = (text: string | number) => String(text).replaceAll('|', '\\|').replaceAll('\n', ' ');

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Details past this many tables name only the ones that are not consistent. */
const MOST_ROWS = 60;

export function progressTable(tables: readonly TableSummary[]): string {
  const shown =
    tables.length <= MOST_ROWS
      ? tables
      : tables.filter((found) => found.phase !== 'waiting' && found.status !== 'consistent').slice(0, MOST_ROWS);
  const rows = shown.map((found) => [
    found.name,
    found.phase === 'done' ? found.status : found.phase,
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
  return table(head, rows) + (left > 0 ? `\n\n… and ${left} more tables that wait or are consistent` : '');
}

export function planTable(plan: PlanSummary): string {
  return table(
    ['table', 'operation', 'rows', 'approval'],
    plan.lines.map((line) => [line.table, line.operation, line.rows, line.needsApproval ? 'needed' : 'not needed']),
  );
}

/** The exact commands that decide on a plan. */
export function howToDecide(workflowId: string, digest: string): readonly string[] {
  const approval = JSON.stringify({ approver: 'YOUR NAME', planDigest: digest });
  const rejection = JSON.stringify({ approver: 'YOUR NAME', reason: 'WHY' });
  return [
    `trueup approve ${workflowId} --plan ${digest}`,
    `temporal workflow signal --workflow-id ${workflowId} --name approve --input '${approval}'`,
    `temporal workflow signal --workflow-id ${workflowId} --name reject --input '${rejection}'`,
  ];
}

export function gateSection(workflowId: string, plan: PlanSummary, deadline: string): string {
  return [
    '## Waiting for approval',
    `Plan **\`${plan.digest}\`**, ${plan.total} corrections, deadline ${deadline}. Without a decision nothing is changed.`,
    planTable(plan),
    'To decide, send the signal `approve` or the update `decide` from this page, or run one of:',
    '```\n' + howToDecide(workflowId, plan.digest).join('\n') + '\n```',
    `Field by field: \`trueup plan ${workflowId}\``,
  ].join('\n\n');
}

export function refusedSection(refused: readonly string[]): string {
  if (refused.length === 0) return '';
  const lines = refused.slice(-10).map((text) => `- ${cell(text)}`);
  return ['## Refused', ...lines].join('\n');
}
