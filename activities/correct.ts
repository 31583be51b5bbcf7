import type { ApprovalScope } from '../contracts/approval';
import { TrueupError } from '../contracts/errors';
import type { PlanSummary } from '../contracts/run';
import type { Queryable } from '../database/connection';
import { Batch, charactersOf } from '../engine/batch';
import { applyBatch, type ApplyContext, type CorrectionOutcome } from '../engine/apply';
import { digestPlan } from '../ledger/plan-digest';
import { countCorrections, insertCorrections, insertDryRun } from '../ledger/correction';
import { resolveCorrected, resolvePlanned } from '../ledger/finding';
import { countPlan, insertPlan, listPlanSteps, nextPlanItems, readFrozenPlan, readPlanLines } from '../ledger/plan';
import { leaveOutItems } from '../ledger/approval';
import { enterReviews } from '../ledger/review-queue';
import { readRunBlocked, readRunConfig, setPlanDigest } from '../ledger/run';
import { numberPlan } from '../ledger/effect';
import { refreshStatistics } from '../ledger/statistics';
import { ahead } from './ahead';
import { bulkOf, insertPages } from './bulk-insert';
import type { TableStep } from './compare';
import { applyContext, cascadesIn } from './effects';
import { orderRows } from './order-rows';
import { planEffects } from './plan-effects';
import { guardPlan, noteTriggers } from './plan-terms';
import { measureCorrections } from './measure';
import type { Resources } from './resources';
import { closeHealed } from './heal';
import { moveSequences } from './sequences';
import { enterSideEffects } from './side-effects';
import type { StepContext } from './step';

/**
 * Freezes the plan of a run, with what the database would do by itself, and returns its counts and its digest. A plan that
 * is frozen stays as it is; it is there as a whole or not at all.
 */
export async function freezePlan(
  resources: Resources,
  { runId }: { readonly runId: string },
  context: StepContext,
): Promise<PlanSummary> {
  const ledger = await resources.ledger();
  const config = await readRunConfig(ledger, runId);
  if (!config) throw new TrueupError('RUN_NOT_FOUND', `no run ${runId} in the ledger`);
  const digest = await ledger.withTransaction(
    'read write',
    async (session) => {
      const frozen = await readFrozenPlan(session, runId);
      if (frozen !== null) return frozen;
      await enterReviews(session, runId);
      await insertPlan(session, runId);
      const hasEffects = await planEffects(resources, session, runId, context);
      const isMoved = await orderRows(resources, session, runId, context);
      if (hasEffects || isMoved) await numberPlan(session, runId);
      await guardPlan(resources, session, runId, config);
      await noteTriggers(resources, session, runId);
      await refreshStatistics(session, 'plan_item', await countPlan(session, runId));
      const taken = await digestPlan(session, runId);
      await setPlanDigest(session, runId, taken);
      return taken;
    },
    context.signal,
  );
  await closeHealed(resources, runId, context.signal);
  const lines = await readPlanLines(ledger, runId);
  const blocked = await readRunBlocked(ledger, runId);
  return {
    digest,
    lines,
    total: lines.reduce((sum, line) => sum + line.rows, 0),
    needsApproval: lines.some((line) => line.needsApproval),
    ...(blocked.length === 0 ? {} : { blocked }),
  };
}

/** Leaves out what lies outside the part that was approved; returns how many corrections that are. */
export async function leaveOut(
  resources: Resources,
  { runId, scope }: { readonly runId: string; readonly scope: ApprovalScope },
): Promise<number> {
  return leaveOutItems(await resources.ledger(), runId, scope);
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
  const now = await digestPlan(ledger, runId);
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
  const cascades = cascadesIn(resources, runId, comparison);
  const apply = await applyContext(resources, { runId, schema, cascades }, comparison);
  const counts = { success: 0, skipped: 0, failed: 0, deferred: 0 };
  const [first] = await nextPlanItems(ledger, runId, step, '0', 1);
  // What a person gave is given to all inserts of a plan, or to none.
  const isCopy = first?.operation === 'insert' && first.checkSource && first.given === undefined;
  const bulk = isCopy ? bulkOf(apply, table, schema) : null;
  const applied = bulk
    ? insertPages(ledger, apply, bulk, step, context.signal)
    : applyItems(ledger, apply, step, context.signal);
  // While what came of one batch is entered in the ledger, the next is on its way.
  for await (const outcomes of ahead(applied)) {
    const final = outcomes.filter((outcome) => last || outcome.status !== 'FAILED' || !outcome.mayPass);
    const { counts: entered, automatic } = await insertCorrections(ledger, runId, approver, final);
    measureCorrections(resources, automatic);
    counts.success += entered.SUCCESS ?? 0;
    counts.skipped += entered.SKIPPED_STALE ?? 0;
    counts.failed += entered.FAILED ?? 0;
    counts.deferred += outcomes.length - final.length;
    context.report({ step, ...counts });
  }
  // Without items an earlier attempt has applied them, and may have come no further.
  if (!first || first.operation === 'insert') await moveSequences(resources, runId, comparison);
  return counts;
}

/** Applies the items of a step batch by batch; yields what came of each. A cancel ends it between two transactions. */
async function* applyItems(
  ledger: Queryable,
  apply: ApplyContext,
  step: number,
  signal: AbortSignal,
): AsyncGenerator<readonly CorrectionOutcome[]> {
  const batch = new Batch();
  for (let after = '0'; ;) {
    signal.throwIfAborted();
    const items = await nextPlanItems(ledger, apply.runId, step, after, batch.rows);
    const lastItem = items.at(-1);
    if (!lastItem) return;
    batch.saw(
      items.length,
      charactersOf(items.flatMap(({ before, after: written, source }) => [before, written, source])),
    );
    yield await applyBatch(apply, items);
    after = lastItem.seq;
  }
}

export async function ledgerSchema(resources: Resources, runId: string): Promise<string> {
  const config = await readRunConfig(await resources.ledger(), runId);
  return config?.ledgerSchema ?? resources.config().ledger.schema;
}

export async function resolveApplied(resources: Resources, { runId }: { readonly runId: string }): Promise<void> {
  const ledger = await resources.ledger();
  await enterSideEffects(resources, runId);
  const statuses = await countCorrections(ledger, runId);
  const corrections = Object.values(statuses).reduce((sum, n) => sum + n, 0);
  await refreshStatistics(ledger, 'correction_log', corrections);
  await ledger.withTransaction('read write', (session) => resolveCorrected(session, runId, corrections));
}
