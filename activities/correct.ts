import { TrueupError } from '../contracts/errors';
import type { PlanSummary } from '../contracts/run';
import { Batch, charactersOf } from '../engine/batch';
import { applyBatch, type CorrectionOutcome, type MarkerStore } from '../engine/apply';
import { cascadesOf } from '../engine/cascade';
import { keyValues } from '../engine/key';
import { digestPlan } from '../engine/plan-digest';
import { countDiffering } from '../engine/settle';
import { insertBeforeImages, listMarkers } from '../ledger/before-image';
import { countCorrections, insertCorrections, insertDryRun, nextCorrectedKeys } from '../ledger/correction';
import { queueReviews, resolveCorrected, resolvePlanned } from '../ledger/finding';
import { insertPlan, listPlanSteps, nextPlanItems, readPlanLines, streamPlan } from '../ledger/plan';
import { readRunConfig, setPlanDigest } from '../ledger/run';
import { refreshStatistics } from '../ledger/statistics';
import type { TableStep } from './compare';
import type { Resources } from './resources';
import type { StepContext } from './step';

/** Freezes the plan of a run and returns its counts and its digest. */
export async function freezePlan(resources: Resources, { runId }: { readonly runId: string }): Promise<PlanSummary> {
  const ledger = await resources.ledger();
  await ledger.withTransaction('read write', async (session) => {
    await queueReviews(session, runId);
    await insertPlan(session, runId);
  });
  const lines = await readPlanLines(ledger, runId);
  const total = lines.reduce((sum, line) => sum + line.rows, 0);
  await refreshStatistics(ledger, 'plan_item', total);
  const digest = await digestPlan(streamPlan(ledger, runId));
  await setPlanDigest(ledger, runId, digest);
  return {
    digest,
    lines,
    total,
    needsApproval: lines.some((line) => line.needsApproval),
  };
}

/** Leaves the plan of a dry run in the correction log, and its findings marked so. */
export async function recordDryRun(resources: Resources, { runId }: { readonly runId: string }): Promise<void> {
  const ledger = await resources.ledger();
  await refreshStatistics(ledger, 'correction_log', await insertDryRun(ledger, runId));
  await resolvePlanned(ledger, runId, 'DRY_RUN');
}

export async function rejectPlan(resources: Resources, { runId }: { readonly runId: string }): Promise<void> {
  await resolvePlanned(await resources.ledger(), runId, 'REJECTED');
}

export interface PlanStep {
  readonly step: number;
  readonly table: string;
  readonly operation: string;
  readonly rows: number;
}

/**
 * Makes sure that the plan is still the one with this digest, and lists its steps.
 *
 * @throws PLAN_CHANGED: the ledger's plan is not what was approved.
 */
export async function confirmPlan(
  resources: Resources,
  { runId, digest }: { readonly runId: string; readonly digest: string },
): Promise<readonly PlanStep[]> {
  const ledger = await resources.ledger();
  const now = await digestPlan(streamPlan(ledger, runId));
  if (now !== digest) {
    throw new TrueupError('PLAN_CHANGED', `run ${runId}: the plan's digest is ${now}, approved was ${digest}`);
  }
  return listPlanSteps(ledger, runId);
}

export interface ApplyStep extends TableStep {
  readonly step: number;
  readonly approver: string | null;
  /** Whether a correction that fails now is given up; before the last pass others may still clear its way. */
  readonly last: boolean;
}

export interface ApplyCounts {
  readonly success: number;
  readonly skipped: number;
  readonly failed: number;
  /** Left for a later pass. */
  readonly deferred: number;
}

/** Applies one step of the plan in batches. What a crashed attempt committed is found by its markers. */
export async function applyStep(resources: Resources, input: ApplyStep, context: StepContext): Promise<ApplyCounts> {
  const { runId, table, step, approver, last } = input;
  const ledger = await resources.ledger();
  const schema = await ledgerSchema(resources, runId);
  const comparison = await resources.comparison(runId, table);
  const sides = resources.sides(comparison);
  const markers: MarkerStore = {
    done: (session, seqs) => listMarkers(session, schema, runId, seqs),
    add: (session, rows) =>
      insertBeforeImages(session, schema, { runId, table, relation: sides.target.relation }, rows),
  };
  const cascades = await cascadesOf(sides.target.database, comparison);
  const counts = { success: 0, skipped: 0, failed: 0, deferred: 0 };
  const batch = new Batch();
  for (let after = '0'; ;) {
    // A cancel ends the step here, between two transactions.
    context.signal.throwIfAborted();
    const items = await nextPlanItems(ledger, runId, step, after, batch.rows);
    const lastItem = items.at(-1);
    if (!lastItem) break;
    batch.saw(
      items.length,
      charactersOf(items.flatMap(({ before, after: written, source }) => [before, written, source])),
    );
    const outcomes = await applyBatch({ runId, comparison, sides, markers, cascades }, items);
    const final = outcomes.filter((outcome) => last || outcome.status !== 'FAILED' || !outcome.mayPass);
    await insertCorrections(ledger, runId, approver, final);
    tally(counts, final);
    counts.deferred += outcomes.length - final.length;
    after = lastItem.seq;
    context.report({ step, ...counts });
  }
  return counts;
}

function tally(counts: { success: number; skipped: number; failed: number }, outcomes: readonly CorrectionOutcome[]) {
  for (const { status } of outcomes) {
    if (status === 'SUCCESS') counts.success += 1;
    else if (status === 'SKIPPED_STALE') counts.skipped += 1;
    else counts.failed += 1;
  }
}

export async function ledgerSchema(resources: Resources, runId: string): Promise<string> {
  const config = await readRunConfig(await resources.ledger(), runId);
  return config?.ledgerSchema ?? resources.config().ledger.schema;
}

export async function resolveApplied(resources: Resources, { runId }: { readonly runId: string }): Promise<void> {
  const ledger = await resources.ledger();
  const statuses = await countCorrections(ledger, runId);
  await refreshStatistics(
    ledger,
    'correction_log',
    Object.values(statuses).reduce((sum, n) => sum + n, 0),
  );
  await resolveCorrected(ledger, runId);
}

export interface Verified {
  readonly checked: number;
  readonly differing: number;
}

/** Compares every corrected key of a table again. */
export async function verifyTable(resources: Resources, input: TableStep, context: StepContext): Promise<Verified> {
  const { runId, table } = input;
  const ledger = await resources.ledger();
  const comparison = await resources.comparison(runId, table);
  const sides = resources.sides(comparison);
  let [checked, differing, after] = [0, 0, '0'];
  const batch = new Batch();
  for (;;) {
    const corrected = await nextCorrectedKeys(ledger, runId, table, after, batch.rows);
    const last = corrected.at(-1);
    if (!last) return { checked, differing };
    const keys = corrected.map(({ key }) => keyValues(comparison, key));
    differing += await countDiffering(comparison, sides, keys, context.signal, batch);
    checked += keys.length;
    after = last.seq;
    context.report({ checked, differing });
  }
}
