import type { PlanLine } from '../../contracts/run';
import { count } from './text';
import { drawTable } from './table';

/** The frozen plan by table and operation. */
export function planTable(lines: readonly PlanLine[]): string {
  if (lines.length === 0) return 'The plan is empty: there is nothing to correct.';
  return drawTable(
    [{ head: 'table' }, { head: 'operation' }, { head: 'rows', align: 'right' }, { head: 'decision' }],
    lines.map((line) => [
      line.table,
      line.effectOf === undefined ? line.operation : `${line.operation} with ${line.effectOf}`,
      count(line.rows),
      line.needsApproval ? 'needs approval' : 'automatic',
    ]),
  );
}

/** The commands that decide on a plan, ready to be copied. */
export function decidingCommands(runId: string, digest: string): readonly string[] {
  return [`trueup approve ${runId} --plan ${digest}`, `trueup reject ${runId} --reason "why not"`];
}
