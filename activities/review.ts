import type { Comparison } from '../contracts/comparison';
import type { CorrectionPolicies } from '../contracts/correction';
import { TrueupError } from '../contracts/errors';
import { breachText } from '../contracts/guard';
import type { TextRow } from '../contracts/finding';
import { isSamePerson } from '../contracts/person';
import type { RecordedResolution, ResolveMessage } from '../contracts/review';
import type { LedgerIdentity, RunServers } from '../contracts/server';
import type { PlanSummary } from '../contracts/run';
import type { RunConfig } from '../contracts/table-pair';
import type { Database, Queryable } from '../database/connection';
import { readTableShape } from '../database/table-shape';
import { checkValues } from '../engine/custom-value';
import { insertDecision } from '../ledger/decision';
import {
  claimReviews,
  countUnsuited,
  listClaimable,
  listFinders,
  listHolders,
  releaseClaimed,
  type Holder,
} from '../ledger/claim';
import { keepDifferences } from '../ledger/kept';
import { readPlanLines } from '../ledger/plan';
import { digestPlan } from '../ledger/plan-digest';
import { insertResolution, readResolution } from '../ledger/resolution';
import { copyRowCounts, forgetRefusedPlan, insertReviewPlan, settleKept, settleReviews } from '../ledger/review-plan';
import { numberPlan } from '../ledger/effect';
import { listReviews, readLedgerTime } from '../ledger/review';
import { endRun, enterRefusedRun, insertRun, insertRunTables, setPlanDigest, type NewRun } from '../ledger/run';
import { readServers, setServers } from '../ledger/servers';
import { refreshStatistics } from '../ledger/statistics';
import { needRead, resolveTables } from './resolve-tables';
import { runConfigOf } from './run-config';
import { planEffects } from './plan-effects';
import { guardPlan, noteTriggers } from './plan-terms';
import type { Resources } from './resources';
import { effectsUnread, noneSuits, otherPlan, reasons, refusal } from './review-refusal';
import { needSame, openServers } from './servers';
import type { StepContext } from './step';

export interface OpenReviewInput {
  readonly message: ResolveMessage;
  readonly workflowId: string;
  readonly firstExecutionRunId: string;
  /** Counts the attempts of one execution; a refusal is in the ledger under this number. */
  readonly decisionNo: number;
  readonly channel: 'start' | 'update';
  /** Whether entries that other runs have taken are a reason to refuse; otherwise those runs are named first. */
  readonly final: boolean;
}

/** What became of a resolution: recorded, with its plan, or other runs have taken some of its entries. */
export type OpenedReview =
  | {
      readonly kind: 'opened';
      readonly recorded: RecordedResolution;
      readonly plan: PlanSummary;
      /** Where it is recorded; its steps are held to it. Absent in histories of earlier versions. */
      readonly ledger?: LedgerIdentity;
      readonly searchAttributes: boolean;
    }
  | { readonly kind: 'held'; readonly holders: readonly Holder[] };

/**
 * Records a resolution: takes its entries, freezes the plan that carries it out, and writes the decision down, all at
 * once or not at all. What KEEP_TARGET keeps is kept then and there. Called again it returns what was recorded.
 *
 * @throws REVIEW_REFUSED, INPUT_INVALID, and what {@link resolveTables} throws; each is in the ledger as a refusal.
 */
export async function openReview(
  resources: Resources,
  request: OpenReviewInput,
  context: StepContext,
): Promise<OpenedReview> {
  const config = resources.readConfig();
  const ledger = await resources.ledger();
  const known = await readResolution(ledger, request.firstExecutionRunId);
  if (known) return opened(resources, ledger, known);
  const empty: RunConfig = {
    tables: [],
    concurrency: config.defaults.concurrency,
    approvalTimeoutMs: config.defaults.approvalTimeoutMs,
    ledgerSchema: config.ledger.schema,
  };
  try {
    const holders = request.final ? [] : await listHolders(ledger, request.message);
    if (holders.length > 0) return { kind: 'held', holders };
    const refused = await record(resources, ledger, request, empty, context);
    if (refused) throw refused;
  } catch (error) {
    if (error instanceof TrueupError && !error.retryable) await recordRefusal(ledger, request, empty, error);
    throw error;
  }
  const recorded = await readResolution(ledger, request.firstExecutionRunId);
  if (!recorded) throw new TrueupError('INTERNAL', 'the resolution that was recorded is not there');
  return opened(resources, ledger, recorded);
}

async function opened(resources: Resources, ledger: Database, recorded: RecordedResolution): Promise<OpenedReview> {
  const lines = await readPlanLines(ledger, recorded.runId);
  const plan = { digest: recorded.planDigest, lines, total: recorded.corrections, needsApproval: lines.length > 0 };
  await refreshStatistics(ledger, 'plan_item', plan.total);
  const place = await resources.ledgerIdentity();
  return { kind: 'opened', recorded, plan, ledger: place, searchAttributes: resources.searchAttributes };
}

/**
 * Returns why a plan is refused that is in the ledger all the same, for somebody to read it; its entries are free again.
 * Throws what else is refused, of which nothing stays.
 */
async function record(
  resources: Resources,
  ledger: Database,
  request: OpenReviewInput,
  empty: RunConfig,
  context: StepContext,
): Promise<TrueupError | null> {
  const { selection } = request.message;
  // What enters a filter's range from now on was counted by nobody.
  const { fourEyes } = resources.config().defaults;
  const asOf = request.message.asOf ?? ('ids' in selection ? null : await readLedgerTime(ledger));
  const message = { ...request.message, asOf };
  const { config, comparisons } = await prepare(resources, ledger, message, empty);
  const { servers, held } = await openServers(resources, config);
  const values = message.values === null ? null : await customValues(held, comparisons, message.values);
  return ledger.withTransaction('read write', async (session) => {
    await forgetRefusedPlan(session, request.firstExecutionRunId);
    const runId = await insertRun(session, newRun(request, config));
    await setServers(session, runId, servers);
    await insertRunTables(session, runId, comparisons);
    const reviews = await claimReviews(session, runId, message);
    if ('ids' in selection && reviews < selection.ids.length) {
      throw refusal(reasons(message, runId, await listReviews(session, selection.ids)));
    }
    const leftOut = 'ids' in selection ? 0 : await countUnsuited(session, message);
    if (reviews === 0) throw refusal(noneSuits(leftOut));
    if (comparisons.length > 0) await needSameServers(session, runId, servers);
    if (fourEyes) await needOtherEyes(session, runId, message);
    if (message.resolution === 'KEEP_TARGET') {
      await keepDifferences(session, runId);
      await settleKept(session, runId);
    } else {
      await insertReviewPlan(session, runId, values);
      if (await planEffects(held, session, runId, context, { reviewed: true })) await numberPlan(session, runId);
      await judgePlan(held, session, runId, config, message);
    }
    const digest = await digestPlan(session, runId);
    await setPlanDigest(session, runId, digest);
    const refused = await judgeReading(session, runId, digest, message);
    if (refused) {
      await releaseClaimed(session, runId);
      await endRun(session, runId, { status: 'failed', error: refused, phases: {} });
      return refused;
    }
    await insertResolution(session, runId, message, { reviews, leftOut });
    await insertDecision(session, runId, decisionOf(request, digest, null));
    return null;
  });
}

/** What is corrected lies in the databases in which it was found. Throws WRONG_DATABASE. */
async function needSameServers(session: Queryable, runId: string, servers: RunServers): Promise<void> {
  for (const finder of await listFinders(session, runId)) needSame(await readServers(session, finder.runId), servers);
}

/** Who requested the run that found a difference does not decide on it, also not to keep it. Throws REVIEW_REFUSED. */
async function needOtherEyes(session: Queryable, runId: string, { reviewer }: ResolveMessage): Promise<void> {
  const finders = await listFinders(session, runId);
  const own = finders.find(({ requestedBy }) => isSamePerson(requestedBy, reviewer));
  if (own) throw refusal(`fourEyes: ${reviewer} requested run ${own.runId}, which found it, and cannot resolve it`);
}

/** Why a plan cannot go on as it was not read; null: it can. */
async function judgeReading(
  session: Queryable,
  runId: string,
  digest: string,
  { planDigest }: ResolveMessage,
): Promise<TrueupError | null> {
  if (typeof planDigest === 'string') return planDigest === digest ? null : otherPlan(runId, planDigest, digest);
  const lines = await readPlanLines(session, runId);
  return lines.some(({ effectOf }) => effectOf !== undefined) ? effectsUnread(runId, digest, lines) : null;
}

/** Holds the plan to the guards of its tables. Throws REVIEW_REFUSED. */
async function judgePlan(
  resources: Resources,
  session: Queryable,
  runId: string,
  config: RunConfig,
  { override }: ResolveMessage,
): Promise<void> {
  await copyRowCounts(session, runId);
  const blocked = await guardPlan(resources, session, runId, config);
  await noteTriggers(resources, session, runId);
  if (blocked.length === 0 || override) return;
  throw refusal(`over the guard, allowed only with override: ${blocked.map(breachText).join('; ')}`);
}

/** The config and the tables of the run that carries a resolution out; KEEP_TARGET touches none. */
async function prepare(
  resources: Resources,
  ledger: Database,
  message: ResolveMessage,
  empty: RunConfig,
): Promise<{ readonly config: RunConfig; readonly comparisons: readonly Comparison[] }> {
  const groups = message.resolution === 'KEEP_TARGET' ? [] : await listClaimable(ledger, message);
  const names = [...new Set(groups.map(({ table }) => table))];
  if (names.length === 0) return { config: empty, comparisons: [] };
  if (message.values !== null && names.length > 1) {
    throw refusal(`values: found entries of ${names.join(', ')}, allowed: entries of one table`);
  }
  const config = await runConfigOf(resources, resources.config(), names);
  const tables = config.tables.map((pair) => {
    const types = new Set(groups.filter(({ table }) => table === pair.name).map(({ type }) => type));
    const needed = (isNeeded: boolean) => (isNeeded ? 'approve' : 'ignore');
    const isCustom = message.values !== null;
    const corrections: CorrectionPolicies = {
      missing: needed(types.has('missing_in_target')),
      mismatched: needed(types.has('field_mismatch') || (isCustom && types.has('extra_in_target'))),
      extra: needed(!isCustom && types.has('extra_in_target')),
    };
    return { ...pair, corrections };
  });
  const comparisons = await resolveTables(resources, tables, true);
  needRead(comparisons);
  return { config: { ...config, tables }, comparisons };
}

async function customValues(
  resources: Resources,
  comparisons: readonly Comparison[],
  given: TextRow,
): Promise<TextRow | null> {
  const [comparison] = comparisons;
  if (!comparison) return null;
  const { connection, schema, table } = comparison.pair.target;
  const checked = await resources.database(connection, 'target').withSession(async (session) => {
    const shape = await readTableShape(session, schema, table);
    return shape && checkValues(session, comparison, shape, given);
  });
  if (!checked) throw new TrueupError('TABLE_NOT_FOUND', `table ${comparison.pair.name}: it is gone`);
  if (!checked.ok) throw refusal(checked.problem);
  return checked.values;
}

function newRun(request: OpenReviewInput, config: RunConfig): NewRun {
  return {
    kind: 'review',
    workflowId: request.workflowId,
    firstExecutionRunId: request.firstExecutionRunId,
    apply: true,
    requestedBy: request.message.reviewer,
    undoOf: null,
    config,
  };
}

function decisionOf(request: OpenReviewInput, planDigest: string | null, refused: string | null) {
  const { resolution, reviewer, notes } = request.message;
  return {
    decisionNo: request.decisionNo,
    channel: request.channel,
    decision: 'approve',
    approver: reviewer,
    planDigest,
    reason: notes === null ? resolution : `${resolution}: ${notes}`,
    accepted: refused === null,
    ...(request.message.override ? { override: true } : {}),
    refusal: refused,
  };
}

/** Leaves a resolution that was refused in the ledger: as a run that failed, with the decision and the reason. */
async function recordRefusal(ledger: Database, request: OpenReviewInput, config: RunConfig, error: TrueupError) {
  const { code, message } = error;
  const runId = await enterRefusedRun(ledger, newRun(request, config), { code, message });
  await insertDecision(ledger, runId, decisionOf(request, null, message));
}

/** Says what became of each entry that a run has taken. */
export async function closeReview(resources: Resources, { runId }: { readonly runId: string }): Promise<void> {
  await settleReviews(await resources.ledger(), runId);
}

/** Opens the entries again that a run has taken whose workflow was ended from outside, and ends the run. */
export async function releaseReviews(resources: Resources, { runId }: { readonly runId: string }): Promise<void> {
  const ledger = await resources.ledger();
  await settleReviews(ledger, runId);
  const error = { code: 'INTERNAL', message: 'the workflow was ended from outside' } as const;
  await endRun(ledger, runId, { status: 'failed', error, phases: {} });
}
