import {
  allHandlersFinished,
  CancellationScope,
  condition,
  isCancellation,
  setCurrentDetails,
  setHandler,
  startChild,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { OpenedRun } from '../activities/open-run';
import { leftOutOf, isWhole, scopeOf, type ApprovalScope } from '../contracts/approval';
import { checkReconcileInput } from '../contracts/input';
import type { ReconcileInput, ReconcileResult, RunPhase } from '../contracts/messages';
import { WORKFLOW } from '../contracts/names';
import { emptySummary, type PlanSummary, type RunStatus, type TableSummary } from '../contracts/run';
import type { Tuning } from '../contracts/throttle';
import { long, opening, quick } from './activities';
import { attempt } from './always';
import { applyPlan } from './apply';
import { Decisions } from './decisions';
import {
  decidedLine,
  gateSection,
  howToDecide,
  planSection,
  progressTable,
  refusedSection,
  tuningLine,
} from './details';
import { catalogued, failure } from './failure';
import { inLanes } from './lanes';
import { plan as planQuery, progress as progressQuery, tableProgress } from './messages';
import type { reconcileTable, ReconcileTableInput } from './reconcile-table';
import { NEEDS_APPROVAL, PHASE } from './search-attributes';
import { Tuner } from './tuning';

/** Table pairs compared at once; the worker bounds the chunks. */
const TABLES_AT_ONCE = 8;
/** Progress signals of all tables together, so that the history of this workflow stays short. */
const REPORTS = 400;
const ACTIVITIES_PER_RUN = 800;

/** The main job: open → compare all tables → freeze the plan → gate → apply → verify → close. */
export async function reconcile(given?: ReconcileInput): Promise<ReconcileResult> {
  const run = new Run();
  const checked = checkReconcileInput(given);
  if (!checked.ok) {
    run.decisions.abandon();
    throw failure('INPUT_INVALID', `input of reconcile: ${checked.problem}`);
  }
  const input = checked.value;
  try {
    await run.open(input);
    await run.compareTables();
    const plan = await run.freezePlan();
    await run.finish(input.apply === true ? await correct(run, plan) : await run.endDryRun());
  } catch (error) {
    await run.fail(error);
    throw error;
  }
  return run.result();
}

async function correct(run: Run, plan: PlanSummary): Promise<RunStatus> {
  if (plan.total === 0) return run.statusOfFindings();
  let approver: string | null = null;
  if (plan.needsApproval) {
    const decision = await run.waitForDecision(plan);
    if (decision === null) return 'expired';
    if (decision.decision === 'reject') return run.rejectPlan();
    approver = decision.approver;
    await run.leaveOut(scopeOf(decision));
  }
  await run.apply(plan, approver);
  await run.verify(plan);
  return run.isIncomplete() ? 'incomplete' : 'applied';
}

/** One execution: what it knows, what it shows, and its steps. */
class Run {
  readonly decisions = new Decisions(() => this.#show());
  readonly #tuner = new Tuner(() => this.#show());
  readonly #workflowId = workflowInfo().workflowId;
  #opened: OpenedRun | null = null;
  /** Who may not approve the plan, as they requested it. */
  #barred: string | null = null;
  #status: RunStatus = 'running';
  #phase: RunPhase = 'opening';
  #phaseSince = Date.now();
  readonly #phases: Record<string, number> = {};
  readonly #tables = new Map<string, TableSummary>();
  #plan: PlanSummary | null = null;
  #corrected = 0;
  #verified: { checked: number; differing: number } | null = null;

  constructor() {
    setHandler(progressQuery, () => this.#progress(), {
      description: 'Phase, chunks, rows and findings of each table',
    });
    setHandler(planQuery, () => this.#planAnswer(), {
      description: "The plan's digest and counts, and how to approve it",
    });
    setHandler(tableProgress, (summary) => this.#noteTable(summary), { description: 'Sent by the tables of this run' });
    this.decisions.listen();
    this.#tuner.listen();
  }

  async open(input: ReconcileInput): Promise<void> {
    const { workflowId, firstExecutionRunId } = workflowInfo();
    const opened = await opening.openRun.executeWithOptions({ summary: 'check config, tables and privileges' }, [
      { input, workflowId, firstExecutionRunId },
    ]);
    this.#opened = opened;
    this.#barred = opened.fourEyes === true ? (input.requestedBy ?? null) : null;
    this.decisions.opened(opened.runId);
    this.#tuner.opened(opened);
    if (opened.pauseWhile) await this.#tuner.hold(opened.pauseWhile.reason);
    for (const { name } of opened.tables) this.#tables.set(name, emptySummary(name, 'pending', 'waiting'));
  }

  async compareTables(): Promise<void> {
    this.#enter('comparing');
    const watch = new CancellationScope();
    const watching = watch.run(() => this.#watchThrottle());
    // A run that cannot tell whether it has to pause goes no further.
    const failing = watching.catch((error: unknown) =>
      isCancellation(error) ? new Promise<never>(() => undefined) : Promise.reject(error as Error),
    );
    try {
      await Promise.race([this.#compareAll(), failing]);
    } finally {
      watch.cancel();
      await watching.catch(() => undefined);
    }
    this.#tuner.close('its tables are compared');
  }

  async #compareAll(): Promise<void> {
    const { tables, searchAttributes, runId } = this.#open;
    const reports = Math.min(20, Math.floor(REPORTS / Math.max(1, tables.length)));
    await inLanes(tables.values(), TABLES_AT_ONCE, async ({ name, settle }) => {
      const tuning = this.#tuning;
      const input: ReconcileTableInput = {
        runId,
        table: name,
        parent: this.#workflowId,
        settle,
        tuning,
        searchAttributes,
        reports,
        activitiesPerRun: ACTIVITIES_PER_RUN,
      };
      const child = await startChild<typeof reconcileTable>(WORKFLOW.reconcileTable, {
        workflowId: `${this.#workflowId}/${name}`,
        args: [input],
        staticSummary: `Compare ${name}`.slice(0, 180),
        staticDetails: `Table pair \`${name}\` of the run \`${runId}\`.`,
      });
      this.#noteTable(emptySummary(name, 'running', 'planning'));
      this.#noteTable(await this.#tuner.telling(child.workflowId, tuning, () => child.result()));
    });
  }

  /** Pauses and goes on as the config's query asks; without one it waits until it is cancelled. */
  async #watchThrottle(): Promise<never> {
    if (!this.#open.pauseWhile) await condition(() => false);
    const { runId } = this.#open;
    for (let paused = this.#tuner.isHeld; ;) {
      const summary = paused ? 'watch for the end of the pause' : 'watch for a reason to pause';
      const { reason } = await long.watchThrottle.executeWithOptions({ summary }, [{ runId, paused }]);
      paused = reason !== null;
      await this.#tuner.hold(reason);
    }
  }

  async freezePlan(): Promise<PlanSummary> {
    this.#enter('planning');
    const { runId } = this.#open;
    this.#plan = await long.freezePlan.executeWithOptions({ summary: 'freeze the plan' }, [{ runId }]);
    return this.#plan;
  }

  async endDryRun(): Promise<RunStatus> {
    const { runId } = this.#open;
    await long.recordDryRun.executeWithOptions({ summary: 'note the plan as a dry run' }, [{ runId }]);
    return this.statusOfFindings();
  }

  /** The gate. Returns the decision, or null when the deadline passed without one. */
  async waitForDecision(plan: PlanSummary) {
    const { runId, approvalTimeoutMs } = this.#open;
    const deadlineMs = Date.now() + approvalTimeoutMs;
    const deadline = new Date(deadlineMs).toISOString();
    // Open before the ledger says so: whoever reads it there may decide at once.
    this.decisions.open(plan.digest, deadlineMs, { plan, barred: this.#barred });
    await quick.openGate.executeWithOptions({ summary: 'note that the run waits for approval' }, [{ runId, deadline }]);
    this.#status = 'awaiting_approval';
    this.#enter('awaiting approval');
    const decision = await this.decisions.wait();
    // The decision is in the ledger before anything is done about it.
    await condition(allHandlersFinished);
    this.#status = 'running';
    return decision;
  }

  /** Takes what lies outside the part that was approved out of what is applied. */
  async leaveOut(scope: ApprovalScope): Promise<void> {
    if (isWhole(scope)) return;
    const { runId } = this.#open;
    await quick.leaveOut.executeWithOptions({ summary: 'leave out what was not approved' }, [{ runId, scope }]);
  }

  async rejectPlan(): Promise<RunStatus> {
    const { runId } = this.#open;
    await quick.rejectPlan.executeWithOptions({ summary: 'note the plan as rejected' }, [{ runId }]);
    return 'rejected';
  }

  async apply(plan: PlanSummary, approver: string | null): Promise<void> {
    this.decisions.close('this plan needs no approval');
    this.#enter('applying');
    const { runId } = this.#open;
    await quick.setStatus.executeWithOptions({ summary: 'note that the run applies' }, [{ runId, status: 'running' }]);
    const onProgress = (done: number) => {
      this.#corrected = done;
      this.#show();
    };
    await applyPlan({ runId, digest: plan.digest, approver, onProgress });
  }

  async verify(plan: PlanSummary): Promise<void> {
    this.#enter('verifying');
    const { runId } = this.#open;
    let [checked, differing] = [0, 0];
    await inLanes([...new Set(plan.lines.map((line) => line.table))].values(), TABLES_AT_ONCE, async (table) => {
      const verified = await long.verifyTable.executeWithOptions({ summary: `verify ${table}` }, [{ runId, table }]);
      checked += verified.checked;
      differing += verified.differing;
    });
    this.#verified = { checked, differing };
  }

  isIncomplete(): boolean {
    return [...this.#tables.values()].some((table) => table.status === 'incomplete');
  }

  statusOfFindings(): RunStatus {
    if (this.isIncomplete()) return 'incomplete';
    return [...this.#tables.values()].every((table) => table.status === 'consistent') ? 'consistent' : 'inconsistent';
  }

  async finish(status: RunStatus): Promise<void> {
    this.decisions.close(`the run has ended: ${status}`);
    this.#enter('closing');
    await this.#end(status, null);
    this.#status = status;
    this.#enter('done');
    await condition(allHandlersFinished);
  }

  /** Ends the run in the ledger, whatever happened, also when it is cancelled; a failure to do so hides no other. */
  async fail(error: unknown): Promise<void> {
    const status = isCancellation(error) ? 'cancelled' : 'failed';
    this.#tuner.close(`it has ended: ${status}`);
    this.decisions.close(`the run has ended: ${status}`);
    if (!this.#opened) this.decisions.abandon();
    await CancellationScope.nonCancellable(async () => {
      if (this.#opened) await attempt(() => this.#end(status, status === 'failed' ? catalogued(error) : null));
      this.#status = status;
      this.#enter('done');
      await condition(allHandlersFinished);
    });
  }

  result(): ReconcileResult {
    return { runId: this.#open.runId, status: this.#status, planDigest: this.#plan?.digest ?? null };
  }

  get #tuning(): Tuning {
    const { tuning } = this.#tuner;
    if (!tuning) throw failure('INTERNAL', 'the run is not open');
    return tuning;
  }

  get #open(): OpenedRun {
    if (!this.#opened) throw failure('INTERNAL', 'the run is not open');
    return this.#opened;
  }

  async #end(status: RunStatus, error: ReturnType<typeof catalogued> | null): Promise<void> {
    const { runId } = this.#open;
    const input = { runId, status, error, phases: { ...this.#phases }, verified: this.#verified };
    await quick.endRun.executeWithOptions({ summary: `end the run: ${status}` }, [input]);
  }

  #enter(phase: RunPhase): void {
    const now = Date.now();
    this.#phases[this.#phase] = (this.#phases[this.#phase] ?? 0) + (now - this.#phaseSince);
    this.#phase = phase;
    this.#phaseSince = now;
    if (this.#opened?.searchAttributes) {
      upsertSearchAttributes([
        { key: PHASE, value: phase },
        { key: NEEDS_APPROVAL, value: phase === 'awaiting approval' },
      ]);
    }
    this.#show();
  }

  #noteTable(summary: TableSummary): void {
    this.#tables.set(summary.name, summary);
    this.#show();
  }

  #show(): void {
    const gate =
      this.#phase === 'awaiting approval' && this.#plan && this.decisions.deadlineMs !== null
        ? gateSection(this.#workflowId, this.#plan, new Date(this.decisions.deadlineMs).toISOString())
        : '';
    const { decision } = this.decisions;
    const decided = decision ? decidedLine(decision, this.#leftOut) : '';
    const applying = this.#corrected > 0 ? `Corrections: ${this.#corrected} of ${this.#toCorrect}` : '';
    const head = `Run \`${this.#opened?.runId ?? this.#workflowId}\`: **${this.#phase === 'done' ? this.#status : this.#phase}**`;
    const { tuning } = this.#tuner;
    const tuned = tuning && this.#opened ? tuningLine(tuning, { ...this.#opened, paused: null }) : '';
    const sections = [
      head,
      this.#phase === 'comparing' ? tuned : '',
      gate,
      gate === '' && this.#plan ? planSection(this.#plan) : '',
      decided,
      applying,
      refusedSection(this.decisions.refused),
      this.#tableSection(),
    ];
    setCurrentDetails(sections.filter((section) => section !== '').join('\n\n'));
  }

  /** Corrections that the decision leaves out. */
  get #leftOut(): number {
    const { decision } = this.decisions;
    return decision?.decision === 'approve' && this.#plan ? leftOutOf(scopeOf(decision), this.#plan.lines) : 0;
  }

  get #toCorrect(): number {
    return (this.#plan?.total ?? 0) - this.#leftOut;
  }

  #tableSection(): string {
    return this.#tables.size === 0 ? '' : progressTable([...this.#tables.values()]);
  }

  #progress() {
    return {
      runId: this.#opened?.runId ?? null,
      status: this.#status,
      phase: this.#phase,
      tables: [...this.#tables.values()],
      corrections: { done: this.#corrected, total: this.#toCorrect },
      tuning: this.#tuner.tuning,
    };
  }

  #planAnswer() {
    const { deadlineMs } = this.decisions;
    return {
      runId: this.#opened?.runId ?? null,
      plan: this.#plan,
      howToApprove: this.#plan ? howToDecide(this.#workflowId, this.#plan) : [],
      deadline: deadlineMs === null ? null : new Date(deadlineMs).toISOString(),
      decision: this.decisions.decision,
      leftOut: this.#leftOut,
      refused: this.decisions.refused,
    };
  }
}
