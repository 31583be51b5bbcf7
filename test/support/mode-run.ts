import { aggregateTable } from '../../activities/aggregate';
import { endRun } from '../../activities/close-run';
import { compareChunks, planChunks } from '../../activities/compare';
import {
  applyStep,
  confirmPlan,
  freezePlan,
  recordDryRun,
  resolveApplied,
  type PlanStep,
} from '../../activities/correct';
import { openRun } from '../../activities/open-run';
import { countCandidates, settleCandidates } from '../../activities/settle';
import { openUndo } from '../../activities/undo';
import { planUndo } from '../../activities/plan-undo';
import type { Finding } from '../../contracts/finding';
import type { ReconcileInput } from '../../contracts/messages';
import type { PlanSummary, RunStatus, TableSummary } from '../../contracts/run';
import { streamFindings } from '../../ledger/finding';
import { collect } from './ledger';
import type { OneTable } from './one-table';

export const CONTEXT = { signal: new AbortController().signal, report: () => undefined };
let runs = 0;

export interface ModeRun {
  readonly runId: string;
  readonly table: TableSummary;
  readonly plan: PlanSummary;
  readonly findings: readonly Finding[];
}

export interface ModeRunOptions {
  /** How it ends; null: not at all. Default: as its table stands. */
  readonly end?: RunStatus | null;
  /** Called when the rows are chosen, before any is compared. */
  readonly planned?: (runId: string) => Promise<unknown>;
}

/** Opens a run of the table `t`, or of another, and enters no more than that. */
export function opened(one: OneTable, input: ReconcileInput) {
  const workflowId = `mode-${(runs += 1)}`;
  return openRun(one.resources, { input, workflowId, firstExecutionRunId: `${workflowId}-execution` });
}

/** A run over one table, activity by activity as the workflows call them, without Temporal. */
export async function modeRun(
  one: OneTable,
  input: ReconcileInput,
  { end, planned }: ModeRunOptions = {},
  table = 't',
): Promise<ModeRun> {
  const { resources } = one;
  const { runId, tables } = await opened(one, input);
  const step = { runId, table };
  const settle = tables.find(({ name }) => name === table)?.settle ?? { attempts: 0 };
  const { chunks } = await planChunks(resources, step, CONTEXT);
  await planned?.(runId);
  await compareChunks(resources, { ...step, from: 0, until: chunks }, CONTEXT);
  let { open } = await countCandidates(resources, step);
  for (let attempt = 1; open > 0 && attempt <= settle.attempts + 1; attempt += 1) {
    ({ open } = await settleCandidates(resources, { ...step, attempt }, CONTEXT));
  }
  const summary = await aggregateTable(resources, step);
  const plan = await freezePlan(resources, { runId }, CONTEXT);
  if (input.apply === true) await apply(one, runId, await confirmPlan(resources, { runId, digest: plan.digest }));
  else await recordDryRun(resources, { runId });
  const status = end === undefined ? (summary.status === 'consistent' ? 'consistent' : 'inconsistent') : end;
  if (status !== null) await endRun(resources, { runId, status, error: null, phases: {}, verified: null });
  const findings = await collect(streamFindings(await resources.ledger(), runId));
  return { runId, table: summary, plan, findings };
}

async function apply({ resources }: OneTable, runId: string, steps: readonly PlanStep[]): Promise<void> {
  for (const { step, table } of steps) {
    await applyStep(resources, { runId, table, step, approver: 'Ada', last: true }, CONTEXT);
  }
  await resolveApplied(resources, { runId });
}

/** Takes back what a run changed, to its end. */
export async function undone(one: OneTable, undoOf: string): Promise<void> {
  const { resources } = one;
  const workflowId = `undo-${(runs += 1)}`;
  const execution = { workflowId, firstExecutionRunId: `${workflowId}-execution` };
  const { runId } = await openUndo(resources, { input: { runId: undoOf }, ...execution });
  const { digest } = await planUndo(resources, { runId, undoOf }, CONTEXT);
  await apply(one, runId, await confirmPlan(resources, { runId, digest }));
  await endRun(resources, { runId, status: 'applied', error: null, phases: {}, verified: null });
}

/** `type key`, sorted. */
export function found({ findings }: ModeRun): readonly string[] {
  return findings.map(({ type, key }) => `${type} ${Object.values(key).join(' ')}`).sort();
}
