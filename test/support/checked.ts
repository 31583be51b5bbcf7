import { closeTable, endCheck, readCheck } from '../../activities/check';
import { openRun } from '../../activities/open-run';
import type { CheckKind, CheckSummary } from '../../contracts/check';
import { TrueupError } from '../../contracts/errors';
import type { Finding } from '../../contracts/finding';
import type { ReconcileInput } from '../../contracts/messages';
import type { TableSummary } from '../../contracts/run';
import { streamFindings } from '../../ledger/finding';
import type { OneTable } from './one-table';

const CONTEXT = { signal: new AbortController().signal, report: () => undefined };

export interface Checked {
  readonly runId: string;
  readonly check: CheckSummary;
  /** How the table stands then; null: the check is of no table. */
  readonly table: TableSummary | null;
  readonly findings: readonly Finding[];
}

let opened = 0;

/**
 * One check of a new run as a workflow makes it, without Temporal: as many readings as it takes to settle, four at the
 * most. `between` is called before each reading but the first.
 */
export async function checked(
  one: OneTable,
  kind: CheckKind,
  subject: string,
  input: ReconcileInput,
  between: (reading: number) => Promise<unknown> = () => Promise.resolve(),
): Promise<Checked> {
  const { resources } = one;
  const workflowId = `checked-${(opened += 1)}`;
  const { runId } = await openRun(resources, { input, workflowId, firstExecutionRunId: workflowId });
  const step = { runId, kind, subject };
  let reading = 1;
  let error: { code: string; message: string } | null = null;
  try {
    for (; ; reading += 1) {
      if (reading > 1) await between(reading);
      const seen = await readCheck(resources, { ...step, reading }, CONTEXT);
      if (seen.open === 0 || !seen.settles || (reading > 1 && seen.moving === 0) || reading > 3) break;
    }
  } catch (thrown) {
    if (!(thrown instanceof TrueupError)) throw thrown;
    error = { code: thrown.code, message: thrown.message };
  }
  const check = await endCheck(resources, { ...step, reading, error });
  const table = kind === 'rules' ? null : await closeTable(resources, { runId, table: subject });
  const findings: Finding[] = [];
  for await (const finding of streamFindings(await resources.ledger(), runId)) findings.push(finding);
  return { runId, check, table, findings };
}
