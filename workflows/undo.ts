import { setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow';
import type { OpenedUndo } from '../activities/undo';
import { checkUndoInput } from '../contracts/input';
import type { ReconcileResult, UndoInput } from '../contracts/messages';
import type { PlanSummary, RunStatus } from '../contracts/run';
import { long, opening, quick } from './activities';
import { always } from './always';
import { applyPlan } from './apply';
import { decidedLine, planTable, refusedSection } from './details';
import { catalogued, failure } from './failure';
import { GatedRun } from './gated-run';
import { endLost } from './lost';
import { plan as planQuery, progress as progressQuery } from './messages';

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
class Undo extends GatedRun<OpenedUndo> {
  #undoOf = '';
  #done = 0;

  constructor() {
    super('undo');
    setHandler(progressQuery, () => this.#progress(), { description: 'Phase and rows given back' });
    // A part of an undo is asked for when it is started; its plan is approved as a whole.
    setHandler(planQuery, () => this.planAnswer(0), {
      description: "The plan's digest and counts, and how to approve it",
    });
    this.decisions.listen();
  }

  async open(input: UndoInput): Promise<void> {
    this.#undoOf = input.runId;
    const { workflowId, firstExecutionRunId } = workflowInfo();
    const open = () =>
      opening.openUndo.executeWithOptions({ summary: `open the undo of ${input.runId}` }, [
        { input, workflowId, firstExecutionRunId },
      ]);
    const opened = await open().catch(async (error: unknown) => {
      // A run whose workflow was terminated has not ended for the ledger.
      if (catalogued(error).code !== 'RUN_NOT_UNDOABLE') throw error;
      if ((await endLost({ runs: [input.runId], before: null })) === 0) throw error;
      return open();
    });
    this.#undoOf = opened.undoOf;
    this.enterLedger(opened, opened.fourEyes === true, input.requestedBy);
  }

  async freezePlan(): Promise<PlanSummary> {
    this.enter('planning');
    const { runId, undoOf } = this.opened;
    const summary = 'plan from the before-images';
    this.plan = await long.planUndo.executeWithOptions({ summary }, [{ runId, undoOf }]);
    return this.plan;
  }

  /** The gate. Returns the decision, or null when the deadline passed without one. */
  async waitForDecision(plan: PlanSummary) {
    const decision = await this.decisionOn(plan, {
      barred: this.barred,
      ...(plan.blocked === undefined ? {} : { blocked: plan.blocked }),
    });
    if (decision?.decision === 'approve') await this.noteApplying();
    return decision;
  }

  async apply({ digest }: PlanSummary, approver: string | null): Promise<void> {
    this.decisions.close('this plan needs no approval');
    this.enter('applying');
    const { runId } = this.opened;
    const onProgress = (done: number) => {
      this.#done = done;
      this.show();
    };
    // What was given back before a cancel is said to be.
    const summary = 'note the findings as undone';
    await always(
      () => applyPlan({ runId, digest, approver, onProgress }),
      () => quick.resolveUndo.executeWithOptions({ summary }, [{ runId }]),
    );
  }

  async verify({ lines }: PlanSummary): Promise<void> {
    this.enter('verifying');
    const { runId } = this.opened;
    const verified = { checked: 0, differing: 0 };
    for (const table of new Set(lines.map((line) => line.table))) {
      const one = await long.verifyUndo.executeWithOptions({ summary: `verify ${table}` }, [{ runId, table }]);
      verified.checked += one.checked;
      verified.differing += one.differing;
    }
    this.verified = verified;
  }

  protected override show(): void {
    const { plan } = this;
    const { decision } = this.decisions;
    const gate = this.gateSection();
    const sections = [
      `Undo of \`${this.#undoOf}\`: **${this.phase === 'done' ? this.status : this.phase}**`,
      gate,
      decision ? decidedLine(decision) : '',
      plan && gate === '' ? `Given back: ${this.#done} of ${plan.total}\n\n${planTable(plan)}` : '',
      plan?.refused
        ? `Left alone, as they were changed since their correction: **${plan.refused}**. See them: ` +
          `\`trueup corrections ${this.workflowId} --status SKIPPED_STALE FAILED\``
        : '',
      this.leftSection(),
      refusedSection(this.decisions.refused),
    ];
    setCurrentDetails(sections.filter((section) => section !== '').join('\n\n'));
  }

  #progress() {
    return {
      runId: this.known?.runId ?? null,
      status: this.status,
      phase: this.phase,
      tables: [],
      corrections: { done: this.#done, total: this.plan?.total ?? 0 },
      tuning: null,
    };
  }
}
