import {
  allHandlersFinished,
  CancellationScope,
  condition,
  isCancellation,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { OpenedUndo } from '../activities/undo';
import { checkUndoInput } from '../contracts/input';
import type { ReconcileResult, RunPhase, UndoInput } from '../contracts/messages';
import type { PlanSummary, RunStatus } from '../contracts/run';
import { long, opening, quick } from './activities';
import { always, attempt } from './always';
import { applyPlan } from './apply';
import { Decisions } from './decisions';
import { decidedLine, gateSection, howToDecide, planTable, refusedSection } from './details';
import { catalogued, failure } from './failure';
import { plan as planQuery, progress as progressQuery } from './messages';
import { NEEDS_APPROVAL, PHASE } from './search-attributes';

/** Gives back what a run changed: open → plan from the before-images → gate → apply → verify → close. */
export async function undo(given?: UndoInput): Promise<ReconcileResult> {
  const run = new Undo();
  const checked = checkUndoInput(given);
  if (!checked.ok) {
    run.decisions.abandon();
    throw failure('INPUT_INVALID', `input of undo: ${checked.problem}`);
  }
  try {
    await run.open(checked.value);
    const plan = await run.freezePlan();
    await run.finish(await giveBack(run, plan));
  } catch (error) {
    await run.fail(error);
    throw error;
  }
  return run.result();
}

async function giveBack(run: Undo, plan: PlanSummary): Promise<RunStatus> {
  let approver: string | null = null;
  if (plan.needsApproval) {
    const decision = await run.waitForDecision(plan);
    if (decision === null) return 'expired';
    if (decision.decision === 'reject') return 'rejected';
    approver = decision.approver;
  }
  await run.apply(plan, approver);
  await run.verify(plan);
  return 'applied';
}

/** One execution: what it knows, what it shows, and its steps. */
class Undo {
  readonly decisions = new Decisions(() => this.#show());
  readonly #workflowId = workflowInfo().workflowId;
  #undoOf = '';
  #opened: OpenedUndo | null = null;
  /** Who may not approve the plan, as they requested it. */
  #barred: string | null = null;
  #status: RunStatus = 'running';
  #phase: RunPhase = 'opening';
  #phaseSince = Date.now();
  readonly #phases: Record<string, number> = {};
  #plan: PlanSummary | null = null;
  #done = 0;
  #verified: { checked: number; differing: number } | null = null;

  constructor() {
    setHandler(progressQuery, () => this.#progress(), { description: 'Phase and rows given back' });
    setHandler(planQuery, () => this.#planAnswer(), {
      description: "The plan's digest and counts, and how to approve it",
    });
    this.decisions.listen();
  }

  async open(input: UndoInput): Promise<void> {
    this.#undoOf = input.runId;
    const { workflowId, firstExecutionRunId } = workflowInfo();
    this.#opened = await opening.openUndo.executeWithOptions({ summary: `open the undo of ${input.runId}` }, [
      { input, workflowId, firstExecutionRunId },
    ]);
    this.#undoOf = this.#opened.undoOf;
    this.#barred = this.#opened.fourEyes === true ? (input.requestedBy ?? null) : null;
    this.decisions.opened(this.#opened.runId);
  }

  async freezePlan(): Promise<PlanSummary> {
    this.#enter('planning');
    const { runId, undoOf } = this.#open;
    this.#plan = await long.planUndo.executeWithOptions({ summary: 'plan from the before-images' }, [
      { runId, undoOf },
    ]);
    return this.#plan;
  }

  /** The gate. Returns the decision, or null when the deadline passed without one. */
  async waitForDecision(plan: PlanSummary) {
    const { runId, approvalTimeoutMs } = this.#open;
    const deadlineMs = Date.now() + approvalTimeoutMs;
    const deadline = new Date(deadlineMs).toISOString();
    // Open before the ledger says so: whoever reads it there may decide at once.
    this.decisions.open(plan.digest, deadlineMs, { barred: this.#barred });
    await quick.openGate.executeWithOptions({ summary: 'note that the undo waits for approval' }, [
      { runId, deadline },
    ]);
    this.#status = 'awaiting_approval';
    this.#enter('awaiting approval');
    const decision = await this.decisions.wait();
    // The decision is in the ledger before anything is done about it.
    await condition(allHandlersFinished);
    this.#status = 'running';
    if (decision?.decision === 'approve') {
      const summary = 'note that the undo applies';
      await quick.setStatus.executeWithOptions({ summary }, [{ runId, status: 'running' }]);
    }
    return decision;
  }

  async apply({ digest }: PlanSummary, approver: string | null): Promise<void> {
    this.decisions.close('this plan needs no approval');
    this.#enter('applying');
    const { runId } = this.#open;
    const onProgress = (done: number) => {
      this.#done = done;
      this.#show();
    };
    // What was given back before a cancel is said to be.
    const summary = 'note the findings as undone';
    await always(
      () => applyPlan({ runId, digest, approver, onProgress }),
      () => quick.resolveUndo.executeWithOptions({ summary }, [{ runId }]),
    );
  }

  async verify({ lines }: PlanSummary): Promise<void> {
    this.#enter('verifying');
    const { runId } = this.#open;
    const verified = { checked: 0, differing: 0 };
    for (const table of new Set(lines.map((line) => line.table))) {
      const one = await long.verifyUndo.executeWithOptions({ summary: `verify ${table}` }, [{ runId, table }]);
      verified.checked += one.checked;
      verified.differing += one.differing;
    }
    this.#verified = verified;
  }

  async finish(status: RunStatus): Promise<void> {
    this.decisions.close(`the undo has ended: ${status}`);
    this.#enter('closing');
    await this.#end(status, null);
    this.#status = status;
    this.#enter('done');
    await condition(allHandlersFinished);
  }

  /** Ends the undo in the ledger, whatever happened, also when it is cancelled; a failure to do so hides no other. */
  async fail(error: unknown): Promise<void> {
    const status = isCancellation(error) ? 'cancelled' : 'failed';
    this.decisions.close(`the undo has ended: ${status}`);
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

  get #open(): OpenedUndo {
    if (!this.#opened) throw failure('INTERNAL', 'the undo is not open');
    return this.#opened;
  }

  async #end(status: RunStatus, error: ReturnType<typeof catalogued> | null): Promise<void> {
    const { runId } = this.#open;
    const input = { runId, status, error, phases: { ...this.#phases }, verified: this.#verified };
    await quick.endRun.executeWithOptions({ summary: `end the undo: ${status}` }, [input]);
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

  #show(): void {
    const plan = this.#plan;
    const { deadlineMs, decision } = this.decisions;
    const atGate = this.#phase === 'awaiting approval' && plan && deadlineMs !== null;
    const sections = [
      `Undo of \`${this.#undoOf}\`: **${this.#phase === 'done' ? this.#status : this.#phase}**`,
      atGate ? gateSection(this.#workflowId, plan, new Date(deadlineMs).toISOString()) : '',
      decision ? decidedLine(decision) : '',
      plan && !atGate ? `Given back: ${this.#done} of ${plan.total}\n\n${planTable(plan)}` : '',
      plan?.refused
        ? `Left alone, as they were changed since their correction: **${plan.refused}**. See them: ` +
          `\`trueup corrections ${this.#workflowId} --status SKIPPED_STALE FAILED\``
        : '',
      refusedSection(this.decisions.refused),
    ];
    setCurrentDetails(sections.filter((section) => section !== '').join('\n\n'));
  }

  #progress() {
    return {
      runId: this.#opened?.runId ?? null,
      status: this.#status,
      phase: this.#phase,
      tables: [],
      corrections: { done: this.#done, total: this.#plan?.total ?? 0 },
      tuning: null,
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
      // A part of an undo is asked for when it is started; its plan is approved as a whole.
      leftOut: 0,
      refused: this.decisions.refused,
    };
  }
}
