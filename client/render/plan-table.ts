import { scopeOf, scopeText } from '../../contracts/approval';
import { ruleText, type GuardBreach } from '../../contracts/guard';
import type { Decision } from '../../contracts/messages';
import type { PlanLine, PlanSummary } from '../../contracts/run';
import { count, instant, plural, printable } from './text';
import { drawTable } from './table';

function fateOf({ rows, needsApproval, leftOut = 0 }: PlanLine): string {
  if (!needsApproval) return 'automatic';
  if (leftOut === 0) return 'needs approval';
  return leftOut === rows ? 'left out' : `${count(leftOut)} left out`;
}

/** The frozen plan by table and operation; the column of triggers stands only where there are any. */
export function planTable(lines: readonly PlanLine[]): string {
  if (lines.length === 0) return 'The plan is empty: there is nothing to correct.';
  const fires = lines.some(({ triggers }) => triggers !== undefined);
  return drawTable(
    [
      { head: 'table' },
      { head: 'operation' },
      { head: 'rows', align: 'right' },
      { head: 'decision' },
      ...(fires ? [{ head: 'fires triggers' }] : []),
    ],
    lines.map((line) => [
      line.table,
      line.effectOf === undefined ? line.operation : `${line.operation} with ${line.effectOf}`,
      count(line.rows),
      fateOf(line),
      ...(fires ? [printable(line.triggers?.join(', ') ?? '')] : []),
    ]),
  );
}

/** Which tables are over their guard, by how much, and what that takes; nothing where none is. */
export function blockedLines(blocked: readonly GuardBreach[]): readonly string[] {
  if (blocked.length === 0) return [];
  return [
    'BLOCKED: the plan deletes or overwrites more than the guard allows; only an approval with --override is taken.',
    ...blocked.map((breach) => `  ${printable(breach.table)}: ${ruleText(breach, count)}`),
  ];
}

/** Who decided what, when, and on which part of the plan. */
export function decisionLine(decided: Decision, leftOut: number): string {
  const { decision, approver, decidedAt, override } = decided;
  const part = scopeText(scopeOf(decided));
  return [
    `Decided: ${decision} by ${printable(approver)} at ${instant(decidedAt)}`,
    ...(part === null ? [] : [`only ${printable(part)}`]),
    ...(leftOut === 0 ? [] : [`${plural(leftOut, 'correction')} left out`]),
    ...(override === true ? ['overriding the guard'] : []),
  ].join('; ');
}

/** The commands that decide on a plan, ready to be copied. */
export function decidingCommands(
  runId: string,
  { digest, blocked = [] }: Pick<PlanSummary, 'digest' | 'blocked'>,
): readonly string[] {
  const override = blocked.length > 0 ? ' --override' : '';
  return [`trueup approve ${runId} --plan ${digest}${override}`, `trueup reject ${runId} --reason "why not"`];
}
