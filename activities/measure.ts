import { Context } from '@temporalio/activity';
import { driftPercentage, enterDrift, listDrift } from '../ledger/drift';
import { takeUnmeasuredFindings, takeUnmeasuredRun } from '../ledger/measured';
import { readRunConfig } from '../ledger/run';
import type { Severity } from '../contracts/finding';
import type { Config } from '../config/config';
import type { CorrectedCount, Metrics } from './metrics';
import type { Resources } from './resources';

/**
 * Counts the findings of a run that were not counted yet, of one table or of all. The ledger notes first what is then
 * counted, so a retry, or another worker, counts nothing twice; what was noted by a worker that died in the same moment
 * is counted by nobody.
 */
export async function measureFindings(resources: Resources, runId: string, table: string | null): Promise<void> {
  await measure(resources, async (metrics) => {
    metrics.found(await takeUnmeasuredFindings(await resources.ledger(), runId, table));
  });
}

/** Counts what a run that has ended found, and how long it took, once; under its job, or else under its workflow's type. */
export async function measureRun(resources: Resources, runId: string): Promise<void> {
  await measureFindings(resources, runId, null);
  await measure(resources, async (metrics) => {
    const ledger = await resources.ledger();
    const seconds = await takeUnmeasuredRun(ledger, runId);
    if (seconds === null) return;
    const job = (await readRunConfig(ledger, runId))?.job;
    metrics.ran(job ?? Context.current().info.workflowType ?? 'activity', seconds);
  });
}

/** Counts corrections that were just entered in the ledger: those that needed no approval. */
export function measureCorrections({ metrics }: Resources, corrected: readonly CorrectedCount[]): void {
  try {
    metrics?.corrected(corrected);
  } catch (error) {
    warn(error);
  }
}

/** Notes in the ledger, and shows, how far a table is apart. */
export async function measureDrift(resources: Resources, runId: string, table: string): Promise<void> {
  await attempt(async () => enterDrift(await resources.ledger(), runId, table));
  await measure(resources, (metrics) => showDrift(resources, metrics));
}

/**
 * Shows how far each table of the config was apart when it was last compared, by whichever worker: a gauge that only the
 * worker which compared sets would stay as it is after another has found the table consistent.
 */
export async function showDrift(resources: Resources, metrics: Metrics): Promise<void> {
  const { tables } = resources.config();
  const known = tables === null ? null : new Set(tables.map(({ name }) => name));
  for (const drift of await listDrift(await resources.ledger())) {
    if (known === null || known.has(drift.table)) metrics.drift(drift.table, driftPercentage(drift));
    else metrics.forgetDrift(drift.table);
  }
}

/**
 * Begins the counters of the tables that the config names at 0: a rate sees only the growth of what was there before. Of
 * the types of findings those that comparing rows has.
 */
export function beginCounters(metrics: Metrics, { tables }: Config): void {
  for (const { name: table, critical } of tables ?? []) {
    const of = (severity: Severity): Severity => (critical ? 'critical' : severity);
    metrics.found([
      { table, type: 'missing_in_target', severity: of('high'), n: 0 },
      { table, type: 'extra_in_target', severity: of('high'), n: 0 },
      { table, type: 'field_mismatch', severity: of('medium'), n: 0 },
    ]);
    metrics.corrected((['insert', 'update', 'delete'] as const).map((operation) => ({ table, operation, n: 0 })));
  }
}

async function measure(resources: Resources, use: (metrics: Metrics) => Promise<void>): Promise<void> {
  const { metrics } = resources;
  if (metrics) await attempt(() => use(metrics));
}

/** Numbers for people on call must not stop the work that they are about. */
async function attempt(use: () => Promise<void>): Promise<void> {
  try {
    await use();
  } catch (error) {
    warn(error);
  }
}

function warn(error: unknown): void {
  try {
    // An error's message could quote a row.
    Context.current().log.warn('not measured', { name: error instanceof Error ? error.name : typeof error });
  } catch {
    // Outside an activity there is nobody to tell.
  }
}
