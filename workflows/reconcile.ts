import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  setCurrentDetails,
  setHandler,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { OpenedRun } from '../activities/open-run';
import { leftOutOf, isWhole, scopeOf, type ApprovalScope } from '../contracts/approval';
import { checkReconcileInput } from '../contracts/input';
import type { CheckSummary } from '../contracts/check';
import type { Job } from '../contracts/job';
import type { ReconcileInput, ReconcileResult } from '../contracts/messages';
import { WORKFLOW } from '../contracts/names';
import { emptySummary, type PlanSummary, type RunStatus, type TableSummary } from '../contracts/run';
import type { Tuning } from '../contracts/throttle';
import { long, opening, quick } from './activities';
import { applyPlan } from './apply';
import { runCheck } from './checks';
import { checksSection, decidedLine, planSection, progressTable, refusedSection, tuningLine } from './details';
import { failure } from './failure';
import { GatedRun } from './gated-run';
import { inLanes } from './lanes';
import { plan as planQuery, progress as progressQuery, runWaits, tableProgress } from './messages';
import type { reconcileTable, ReconcileTableInput } from './reconcile-table';
import { Tuner } from './tuning';

/** Table pairs compared at once; the worker bounds the chunks. */
const TABLES_AT_ONCE = 8;
const RULES_AT_ONCE = 4;
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
    await run.checkRules();
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
class Run extends GatedRun<OpenedRun> {
  readonly #tuner = new Tuner(() => this.show());
  readonly #tables = new Map<string, TableSummary>();
  readonly #rules: CheckSummary[] = [];
  #corrected = 0;
  #job: Job | undefined;

  constructor() {
    super('run');
    setHandler(progressQuery, () => this.#progress(), {
      description: 'Phase, chunks, rows and findings of each table',
    });
    setHandler(planQuery, () => this.planAnswer(this.#leftOut), {
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
    this.enterLedger(opened, opened.fourEyes === true, input.requestedBy);
    this.#job = input.job;
    this.#tuner.opened(opened);
    if (opened.pauseWhile) await this.#tuner.hold(opened.pauseWhile.reason);
    for (const { name } of opened.tables) this.#tables.set(name, emptySummary(name, 'pending', 'waiting'));
  }

  async compareTables(): Promise<void> {
    this.enter('comparing');
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
    const { tables, searchAttributes, runId } = this.opened;
    const reports = Math.min(20, Math.floor(REPORTS / Math.max(1, tables.length)));
    await inLanes(tables.values(), TABLES_AT_ONCE, async ({ name, settle, checks = [] }) => {
      const tuning = this.#tuning;
      const input: ReconcileTableInput = {
        runId,
        table: name,
        parent: this.workflowId,
        settle,
        tuning,
        searchAttributes,
        reports,
        activitiesPerRun: ACTIVITIES_PER_RUN,
        checks,
        rows: this.opened.rows !== false,
        ...(this.opened.ledger === undefined ? {} : { ledger: this.opened.ledger }),
      };
      const child = await startChild<typeof reconcileTable>(WORKFLOW.reconcileTable, {
        workflowId: `${this.workflowId}/${name}`,
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
    if (!this.opened.pauseWhile) await condition(() => false);
    const { runId } = this.opened;
    for (let paused = this.#tuner.isHeld; ;) {
      const summary = paused ? 'watch for the end of the pause' : 'watch for a reason to pause';
      const { reason } = await long.watchThrottle.executeWithOptions({ summary }, [{ runId, paused }]);
      paused = reason !== null;
      await this.#tuner.hold(reason);
    }
  }

  /** The business rules, which are about no table pair. */
  async checkRules(): Promise<void> {
    const { rules, runId } = this.opened;
    if (!rules) return;
    this.enter('checking');
    await inLanes(rules.names.values(), RULES_AT_ONCE, async (subject) => {
      this.#rules.push(await runCheck(runId, { kind: 'rules', subject }, rules.settle));
      this.show();
    });
  }

  async freezePlan(): Promise<PlanSummary> {
    this.enter('planning');
    const { runId } = this.opened;
    this.plan = await long.freezePlan.executeWithOptions({ summary: 'freeze the plan' }, [{ runId }]);
    return this.plan;
  }

  async endDryRun(): Promise<RunStatus> {
    const { runId } = this.opened;
    await long.recordDryRun.executeWithOptions({ summary: 'note the plan as a dry run' }, [{ runId }]);
    return this.statusOfFindings();
  }

  /** The gate. Returns the decision, or null when the deadline passed without one. */
  waitForDecision(plan: PlanSummary) {
    return this.decisionOn(plan, { plan, barred: this.barred });
  }

  /** The job that started the run does not wait for an approval; nobody waits for it to hear. */
  protected override async gateOpened(): Promise<void> {
    const { parent } = workflowInfo();
    if (this.#job === undefined || !parent) return;
    try {
      await getExternalWorkflowHandle(parent.workflowId, parent.runId).signal(runWaits);
    } catch {
      // It has ended, or was ended.
    }
  }

  /** Takes what lies outside the part that was approved out of what is applied. */
  async leaveOut(scope: ApprovalScope): Promise<void> {
    if (isWhole(scope)) return;
    const { runId } = this.opened;
    await quick.leaveOut.executeWithOptions({ summary: 'leave out what was not approved' }, [{ runId, scope }]);
  }

  async rejectPlan(): Promise<RunStatus> {
    const { runId } = this.opened;
    await quick.rejectPlan.executeWithOptions({ summary: 'note the plan as rejected' }, [{ runId }]);
    return 'rejected';
  }

  async apply(plan: PlanSummary, approver: string | null): Promise<void> {
    this.decisions.close('this plan needs no approval');
    this.enter('applying');
    const { runId } = this.opened;
    await this.noteApplying();
    const onProgress = (done: number) => {
      this.#corrected = done;
      this.show();
    };
    await applyPlan({ runId, digest: plan.digest, approver, onProgress });
  }

  async verify(plan: PlanSummary): Promise<void> {
    this.enter('verifying');
    const { runId } = this.opened;
    let [checked, differing] = [0, 0];
    await inLanes([...new Set(plan.lines.map((line) => line.table))].values(), TABLES_AT_ONCE, async (table) => {
      const verified = await long.verifyTable.executeWithOptions({ summary: `verify ${table}` }, [{ runId, table }]);
      checked += verified.checked;
      differing += verified.differing;
    });
    this.verified = { checked, differing };
    // Corrections of rows may have put right what the checks found.
    if (this.#checks.some(({ findings }) => findings > 0)) {
      await long.recheck.executeWithOptions({ summary: 'check again what the checks had found' }, [{ runId }]);
    }
  }

  isIncomplete(): boolean {
    const isTableIncomplete = [...this.#tables.values()].some((table) => table.status === 'incomplete');
    return isTableIncomplete || this.#checks.some(({ status }) => status === 'incomplete');
  }

  statusOfFindings(): RunStatus {
    if (this.isIncomplete()) return 'incomplete';
    const isConsistent =
      [...this.#tables.values()].every((table) => table.status === 'consistent') &&
      this.#rules.every(({ status }) => status === 'passed');
    return isConsistent ? 'consistent' : 'inconsistent';
  }

  override async fail(error: unknown): Promise<void> {
    this.#tuner.close(`it has ended: ${isCancellation(error) ? 'cancelled' : 'failed'}`);
    await super.fail(error);
  }

  get #tuning(): Tuning {
    const { tuning } = this.#tuner;
    if (!tuning) throw failure('INTERNAL', 'the run is not open');
    return tuning;
  }

  #noteTable(summary: TableSummary): void {
    this.#tables.set(summary.name, summary);
    this.show();
  }

  protected override show(): void {
    const gate = this.gateSection();
    const { decision } = this.decisions;
    const decided = decision ? decidedLine(decision, this.#leftOut) : '';
    const applying = this.#corrected > 0 ? `Corrections: ${this.#corrected} of ${this.#toCorrect}` : '';
    const head = `Run \`${this.known?.runId ?? this.workflowId}\`: **${this.phase === 'done' ? this.status : this.phase}**`;
    const { tuning } = this.#tuner;
    const tuned = tuning && this.known ? tuningLine(tuning, { ...this.known, paused: null }) : '';
    const sections = [
      head,
      this.phase === 'comparing' ? tuned : '',
      gate,
      gate === '' && this.plan ? planSection(this.plan) : '',
      decided,
      applying,
      this.leftSection(),
      refusedSection(this.decisions.refused),
      this.#tableSection(),
      checksSection(this.#checks),
    ];
    setCurrentDetails(sections.filter((section) => section !== '').join('\n\n'));
  }

  /** Corrections that the decision leaves out. */
  get #leftOut(): number {
    const { decision } = this.decisions;
    return decision?.decision === 'approve' && this.plan ? leftOutOf(scopeOf(decision), this.plan.lines) : 0;
  }

  get #toCorrect(): number {
    return (this.plan?.total ?? 0) - this.#leftOut;
  }

  #tableSection(): string {
    return this.#tables.size === 0 ? '' : progressTable([...this.#tables.values()]);
  }

  get #checks(): readonly CheckSummary[] {
    return [...[...this.#tables.values()].flatMap(({ checks = [] }) => checks), ...this.#rules];
  }

  #progress() {
    return {
      runId: this.known?.runId ?? null,
      status: this.status,
      phase: this.phase,
      tables: [...this.#tables.values()],
      checks: this.#checks,
      corrections: { done: this.#corrected, total: this.#toCorrect },
      tuning: this.#tuner.tuning,
    };
  }
}
