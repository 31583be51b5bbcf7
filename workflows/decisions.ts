import { ApplicationFailure, condition, setDefaultSignalHandler, setHandler } from '@temporalio/workflow';
import { checkApprovalTerms } from '../contracts/input';
import type { Decision } from '../contracts/messages';
import { quick } from './activities';
import { attemptOf, isoTime, judge, type Attempt, type Gate, type GateRules } from './gate';
import { approve, decide, reject } from './messages';

/** Receives decisions in every form they come in, judges them, and has each one written to the ledger. */
export class Decisions {
  #gate: Gate = { state: 'no plan yet' };
  #runId: string | null = null;
  #ended = false;
  #count = 0;
  readonly #refused: string[] = [];

  constructor(private readonly onChange: () => void) {}

  /**
   * Registers the handlers; to be called before anything is awaited. What came with the start of the run is handled
   * here and now, so whatever `onChange` touches has to be there already.
   */
  listen(): void {
    setHandler(approve, (message) => this.#receive(attemptOf('signal', 'approve', message)).then(() => undefined), {
      description:
        'Approve the plan at the gate: {"approver": "…", "planDigest": "…", "note": "…"}; only a part of it with "tables": ["…"] or "operations": ["insert", "update", "delete"]; a blocked plan with "override": true',
    });
    setHandler(reject, (message) => this.#receive(attemptOf('signal', 'reject', message)).then(() => undefined), {
      description: 'Reject the plan at the gate: {"approver": "…", "reason": "…"}',
    });
    setHandler(decide, (message) => this.#answer(message), {
      description:
        'Decide on the plan at the gate: {"decision": "approve" | "reject", "approver": "…", "planDigest": "…", "reason": "…"}, and to approve also "tables", "operations" and "override"; answers with the decision as recorded',
      // Only the form is refused here, where nothing is recorded; a decision that is refused is in the ledger.
      validator: (message: unknown) => {
        const decision = (message as { readonly decision?: unknown } | null | undefined)?.decision;
        if (decision !== 'approve' && decision !== 'reject') {
          throw malformed('decision: allowed: approve or reject, in one JSON object with approver and planDigest');
        }
        const terms = checkApprovalTerms(message);
        if (decision === 'approve' && !terms.ok) throw malformed(terms.problem);
      },
    });
    setDefaultSignalHandler((name) =>
      this.#refuse(`signal ${JSON.stringify(name.slice(0, 60))} is unknown; there are approve and reject`),
    );
  }

  get refused(): readonly string[] {
    return this.#refused;
  }

  get decision(): Decision | null {
    return this.#gate.state === 'decided' ? this.#gate.decision : null;
  }

  get deadlineMs(): number | null {
    return this.#gate.state === 'open' ? this.#gate.deadlineMs : null;
  }

  /** From now on what arrives can be written to the ledger. */
  opened(runId: string): void {
    this.#runId = runId;
  }

  /** From now on a decision on this plan is taken, until the deadline. */
  open(planDigest: string, deadlineMs: number, rules: GateRules = {}): void {
    this.#gate = { state: 'open', planDigest, deadlineMs, ...rules };
    this.onChange();
  }

  /** Waits for a decision until the deadline; null: none came, and none is taken any more. */
  async wait(): Promise<Decision | null> {
    const { deadlineMs } = this;
    if (deadlineMs === null) return this.decision;
    await condition(() => this.#gate.state === 'decided', Math.max(1, deadlineMs - Date.now()), {
      summary: 'approval deadline',
    });
    if (this.#gate.state === 'open') {
      this.#gate = { state: 'closed', why: `the deadline passed at ${isoTime(deadlineMs)}` };
    }
    return this.decision;
  }

  /** No decision is taken any more, for this reason. */
  close(why: string): void {
    if (this.#gate.state !== 'decided') this.#gate = { state: 'closed', why };
  }

  /** The run failed before it could be opened: what arrived has no ledger to go to. */
  abandon(): void {
    this.#ended = true;
  }

  async #answer(message: unknown): Promise<Decision> {
    const decision = (message as { readonly decision: 'approve' | 'reject' }).decision;
    const verdict = await this.#receive(attemptOf('update', decision, message));
    if (verdict.accepted) return verdict.decision;
    throw ApplicationFailure.create({ type: 'DECISION_REFUSED', message: verdict.refusal, nonRetryable: true });
  }

  async #receive(attempt: Attempt) {
    const verdict = judge(this.#gate, attempt, Date.now());
    if (verdict.accepted) this.#gate = { state: 'decided', decision: verdict.decision };
    else this.#refused.push(verdict.refusal);
    this.onChange();
    const decidedAt = verdict.accepted ? verdict.decision.decidedAt : null;
    await this.#record(attempt, decidedAt, verdict.accepted ? null : verdict.refusal);
    return verdict;
  }

  async #refuse(refusal: string): Promise<void> {
    this.#refused.push(refusal);
    this.onChange();
    await this.#record(null, null, refusal);
  }

  async #record(attempt: Attempt | null, decidedAt: string | null, refusal: string | null): Promise<void> {
    const accepted = decidedAt !== null;
    this.#count += 1;
    const decisionNo = this.#count;
    await condition(() => this.#runId !== null || this.#ended);
    if (this.#runId === null) return;
    const summary = accepted ? `record the decision: ${attempt?.decision ?? ''}` : 'record a refused decision';
    await quick.recordDecision.executeWithOptions({ summary }, [
      {
        runId: this.#runId,
        entry: {
          decisionNo,
          channel: attempt?.channel ?? 'signal',
          decision: attempt?.decision ?? null,
          approver: attempt?.approver ?? null,
          planDigest: attempt?.planDigest ?? null,
          reason: attempt?.reason ?? null,
          ...attempt?.terms,
          accepted,
          decidedAt,
          refusal,
        },
      },
    ]);
  }
}

function malformed(message: string): ApplicationFailure {
  return ApplicationFailure.create({ type: 'INPUT_INVALID', message, nonRetryable: true });
}
