import {
  allHandlersFinished,
  CancellationScope,
  condition,
  isCancellation,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { PlanAnswer, ReconcileResult, RunPhase } from '../contracts/messages';
import type { LedgerIdentity } from '../contracts/server';
import type { PlanSummary, RunStatus } from '../contracts/run';
import { holdToLedger, quick } from './activities';
import { attempt } from './always';
import { Decisions } from './decisions';
import { gateSection, howToDecide, leftSection } from './details';
import { catalogued, failure } from './failure';
import type { GateRules } from './gate';
import { NEEDS_APPROVAL, PHASE } from './search-attributes';

/** What is known of a run once the ledger has it. */
interface Opened {
  readonly ledger?: LedgerIdentity;
  readonly runId: string;
  readonly searchAttributes: boolean;
  /** How long a plan waits for a decision. */
  readonly approvalTimeoutMs: number;
}

/** One execution that freezes a plan, waits for its approval, applies it, and ends in the ledger however it ends. */
export abstract class GatedRun<Known extends Opened> {
  readonly decisions = new Decisions(() => this.show());
  protected readonly workflowId = workflowInfo().workflowId;
  protected known: Known | null = null;
  /** Who may not approve the plan, as they requested it; null: anybody may. */
  protected barred: string | null = null;
  protected plan: PlanSummary | null = null;
  protected verified: { checked: number; differing: number } | null = null;
  /** What the run leaves different; known once it has ended. */
  #remaining: number | undefined;
  #status: RunStatus = 'running';
  #phase: RunPhase = 'opening';
  #phaseSince = Date.now();
  readonly #phases: Record<string, number> = {};

  /** `what` it is, as in "the run has ended". */
  protected constructor(private readonly what: 'run' | 'undo') {}

  /** Sets the current details. */
  protected abstract show(): void;

  protected get status(): RunStatus {
    return this.#status;
  }

  protected get phase(): RunPhase {
    return this.#phase;
  }

  protected get opened(): Known {
    if (!this.known) throw failure('INTERNAL', `the ${this.what} is not open`);
    return this.known;
  }

  /** From now on there is a run in the ledger, and decisions are written to it. */
  protected enterLedger(known: Known, fourEyes: boolean, requestedBy: string | undefined): void {
    this.known = known;
    holdToLedger(known.ledger);
    this.barred = fourEyes ? (requestedBy ?? null) : null;
    this.decisions.opened(known.runId);
  }

  /** The gate. Returns the decision, or null when the deadline passed without one. */
  protected async decisionOn(plan: PlanSummary, rules: GateRules) {
    const { runId, approvalTimeoutMs } = this.opened;
    const deadlineMs = Date.now() + approvalTimeoutMs;
    const deadline = new Date(deadlineMs).toISOString();
    // Open before the ledger says so: whoever reads it there may decide at once.
    this.decisions.open(plan.digest, deadlineMs, rules);
    await quick.openGate.executeWithOptions({ summary: `note that the ${this.what} waits for approval` }, [
      { runId, deadline },
    ]);
    this.#status = 'awaiting_approval';
    this.enter('awaiting approval');
    await this.gateOpened();
    const decision = await this.decisions.wait();
    // The decision is in the ledger before anything is done about it.
    await condition(allHandlersFinished);
    this.#status = 'running';
    return decision;
  }

  /** Called when the plan waits for a decision, and the ledger has it. */
  protected gateOpened(): Promise<void> {
    return Promise.resolve();
  }

  protected async noteApplying(): Promise<void> {
    const summary = `note that the ${this.what} applies`;
    await quick.setStatus.executeWithOptions({ summary }, [{ runId: this.opened.runId, status: 'running' }]);
  }

  async finish(status: RunStatus): Promise<void> {
    this.decisions.close(`the ${this.what} has ended: ${status}`);
    this.enter('closing');
    await this.#end(status, null);
    this.#status = status;
    this.enter('done');
    await condition(allHandlersFinished);
  }

  /** Ends the run in the ledger, whatever happened, also when it is cancelled; a failure to do so hides no other. */
  async fail(error: unknown): Promise<void> {
    const status = isCancellation(error) ? 'cancelled' : 'failed';
    this.decisions.close(`the ${this.what} has ended: ${status}`);
    if (!this.known) this.decisions.abandon();
    await CancellationScope.nonCancellable(async () => {
      if (this.known) await attempt(() => this.#end(status, status === 'failed' ? catalogued(error) : null));
      this.#status = status;
      this.enter('done');
      await condition(allHandlersFinished);
    });
  }

  result(): ReconcileResult {
    const remaining = this.#remaining;
    return {
      runId: this.opened.runId,
      status: this.#status,
      planDigest: this.plan?.digest ?? null,
      ...(remaining === undefined ? {} : { remaining }),
    };
  }

  protected enter(phase: RunPhase): void {
    const now = Date.now();
    this.#phases[this.#phase] = (this.#phases[this.#phase] ?? 0) + (now - this.#phaseSince);
    this.#phase = phase;
    this.#phaseSince = now;
    if (this.known?.searchAttributes) {
      upsertSearchAttributes([
        { key: PHASE, value: phase },
        { key: NEEDS_APPROVAL, value: phase === 'awaiting approval' },
      ]);
    }
    this.show();
  }

  /** What was verified, and what is left; '' before anything is known of it. */
  protected leftSection(): string {
    return leftSection(this.verified, this.#remaining);
  }

  /** What the gate says while the plan waits there; else nothing. */
  protected gateSection(): string {
    const { deadlineMs } = this.decisions;
    if (this.#phase !== 'awaiting approval' || !this.plan || deadlineMs === null) return '';
    return gateSection(this.workflowId, this.plan, new Date(deadlineMs).toISOString());
  }

  /** Answer of the query `plan`; `leftOut`: corrections that the decision leaves out. */
  protected planAnswer(leftOut: number): PlanAnswer {
    const { deadlineMs, decision, refused } = this.decisions;
    return {
      runId: this.known?.runId ?? null,
      plan: this.plan,
      howToApprove: this.plan ? howToDecide(this.workflowId, this.plan) : [],
      deadline: deadlineMs === null ? null : new Date(deadlineMs).toISOString(),
      decision,
      leftOut,
      refused,
    };
  }

  async #end(status: RunStatus, error: ReturnType<typeof catalogued> | null): Promise<void> {
    const input = {
      runId: this.opened.runId,
      status,
      error,
      phases: { ...this.#phases },
      verified: this.verified,
    };
    const ended = await quick.endRun.executeWithOptions({ summary: `end the ${this.what}: ${status}` }, [input]);
    this.#remaining = ended?.remaining;
  }
}
