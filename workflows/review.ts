import {
  allHandlersFinished,
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  setCurrentDetails,
  setDefaultSignalHandler,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { OpenedReview } from '../activities/review';
import type { ReconcileResult, RunPhase } from '../contracts/messages';
import {
  checkResolveMessage,
  checkResolveReviewsInput,
  type RecordedResolution,
  type ResolveMessage,
} from '../contracts/review';
import type { PlanSummary, RunStatus } from '../contracts/run';
import { holdToLedger, long, quick } from './activities';
import { always, attempt } from './always';
import { applyPlan } from './apply';
import { leftSection, planTable } from './details';
import { catalogued, failure } from './failure';
import { progress as progressQuery, resolveReview } from './messages';
import { PHASE } from './search-attributes';

/**
 * Carries out what a reviewer resolved: record it with its plan → apply → close the entries → verify → close. The
 * resolution comes with the input, or by the update `resolveReview`; one execution carries one out.
 */
export async function resolveReviews(given?: unknown): Promise<ReconcileResult> {
  const review = new Review();
  const checked = checkResolveReviewsInput(given);
  if (!checked.ok) throw failure('INPUT_INVALID', `input of resolveReviews: ${checked.problem}`);
  const { message, waitMs } = checked.value;
  if (message !== null) await review.take(message, 'start');
  else if (!(await review.isTaken(waitMs))) return review.result();
  try {
    await review.carryOut();
  } finally {
    // Who asked has the answer before the workflow ends.
    await condition(allHandlersFinished);
  }
  return review.result();
}

type Channel = 'start' | 'update';

/** One execution: the resolution that it carries out, how far it is, and what it shows. */
class Review {
  readonly #started = Date.now();
  #opened: Extract<OpenedReview, { kind: 'opened' }> | null = null;
  /** The resolution that is being recorded, or was. */
  #taking: ResolveMessage | null = null;
  #attempts = 0;
  readonly #refused: string[] = [];
  #phase: RunPhase = 'opening';
  #status: RunStatus = 'running';
  #done = 0;
  #verified: { checked: number; differing: number } | null = null;
  #remaining: number | undefined;

  constructor() {
    setHandler(progressQuery, () => this.#progress(), { description: 'Phase and rows corrected' });
    setDefaultSignalHandler(() => undefined);
    setHandler(resolveReview, (message) => this.#answer(message), {
      description:
        'Resolve entries of the review queue: {"reviewId": 42 | "reviewIds": […] | "filter": {"table", "type", "severity"}, "resolution": "APPLY_SOURCE" | "KEEP_TARGET" | "CUSTOM_FIX", "reviewer": "…", "notes": "…", "values": {"column": "text"}, "asOf": "…", "override": true}; answers with the resolution as recorded',
      // Only the form is refused here, where nothing is recorded; a resolution that is refused is in the ledger.
      validator: (message: unknown) => {
        const checked = checkResolveMessage(message);
        if (!checked.ok) throw failure('INPUT_INVALID', `resolveReview: ${checked.problem}`);
      },
    });
    this.#show();
  }

  /** Waits until a resolution was recorded; false: none was within the time. */
  async isTaken(waitMs: number): Promise<boolean> {
    await condition(() => this.#opened !== null, waitMs, { summary: 'wait for a resolution' });
    // One that came in time is still looked at.
    await condition(() => this.#taking === null || this.#opened !== null);
    if (this.#opened !== null) return true;
    await condition(allHandlersFinished);
    this.#status = 'expired';
    this.#enter('done');
    return false;
  }

  /** Records a resolution and its plan. Throws REVIEW_REFUSED and what the activity throws. */
  async take(message: ResolveMessage, channel: Channel): Promise<RecordedResolution> {
    this.#taking = message;
    this.#attempts += 1;
    const decisionNo = this.#attempts;
    this.#show();
    try {
      // A cancel must not leave entries taken by a run that does not know of them.
      const opened = await CancellationScope.nonCancellable(
        async () =>
          (await this.#open(message, channel, decisionNo, false)) ??
          (await this.#open(message, channel, decisionNo, true)),
      );
      if (opened === null) throw failure('INTERNAL', 'entries of the review queue are held');
      this.#opened = opened;
      return opened.recorded;
    } catch (error) {
      this.#taking = null;
      const { code, message: why } = catalogued(error);
      this.#refused.push(why);
      this.#show();
      throw isCancellation(error) ? error : failure(code, why);
    }
  }

  /** null: other runs have taken some of the entries; those whose workflow was ended from outside have let go of them. */
  async #open(message: ResolveMessage, channel: Channel, decisionNo: number, final: boolean) {
    const { workflowId, firstExecutionRunId } = workflowInfo();
    const opened = await long.openReview.executeWithOptions({ summary: `record ${message.resolution}` }, [
      { message, workflowId, firstExecutionRunId, decisionNo, channel, final },
    ]);
    if (opened.kind === 'opened') {
      holdToLedger(opened.ledger);
      return opened;
    }
    for (const { runId, workflowId: holder, executionId } of opened.holders) {
      if (await isOpen(holder, executionId)) continue;
      const summary = `open the entries of ${runId} again, whose workflow is gone`;
      await quick.releaseReviews.executeWithOptions({ summary }, [{ runId }]);
    }
    return null;
  }

  async carryOut(): Promise<void> {
    const { recorded, plan } = this.#whenOpened;
    const { runId } = recorded;
    try {
      if (plan.total > 0) {
        await this.#apply(recorded, plan);
        this.#verified = await this.#verify(recorded, plan);
      } else if (recorded.resolution !== 'KEEP_TARGET') {
        await this.#closeEntries(runId);
      }
      this.#status = 'applied';
      await this.#end(null, this.#verified);
      this.#enter('done');
    } catch (error) {
      this.#status = isCancellation(error) ? 'cancelled' : 'failed';
      await attempt(() => this.#end(error, null));
      this.#enter('done');
      throw error;
    }
  }

  result(): ReconcileResult {
    const { recorded } = this.#opened ?? { recorded: null };
    return {
      runId: recorded?.runId ?? workflowInfo().workflowId,
      status: this.#status,
      planDigest: recorded?.planDigest ?? null,
      ...(this.#remaining === undefined ? {} : { remaining: this.#remaining }),
    };
  }

  async #apply({ runId, reviewer }: RecordedResolution, { digest }: PlanSummary): Promise<void> {
    this.#enter('applying');
    const onProgress = (count: number) => {
      this.#done = count;
      this.#show();
    };
    await always(
      () => applyPlan({ runId, digest, approver: reviewer, onProgress }),
      () => this.#closeEntries(runId),
    );
  }

  async #closeEntries(runId: string): Promise<void> {
    await quick.closeReview.executeWithOptions({ summary: 'note what became of each entry' }, [{ runId }]);
  }

  /** Reads every corrected row again: equal to the source, or holding the values that were given. */
  async #verify({ runId, resolution }: RecordedResolution, plan: PlanSummary) {
    this.#enter('verifying');
    const verify = resolution === 'CUSTOM_FIX' ? long.verifyUndo : long.verifyTable;
    const verified = { checked: 0, differing: 0 };
    for (const table of new Set(plan.lines.map((line) => line.table))) {
      const one = await verify.executeWithOptions({ summary: `verify ${table}` }, [{ runId, table }]);
      verified.checked += one.checked;
      verified.differing += one.differing;
    }
    return verified;
  }

  async #end(error: unknown, verified: { checked: number; differing: number } | null): Promise<void> {
    const { runId } = this.#whenOpened.recorded;
    const cause = this.#status === 'failed' ? catalogued(error) : null;
    const phases = { review: Date.now() - this.#started };
    const input = { runId, status: this.#status, error: cause, phases, verified };
    const ended = await quick.endRun.executeWithOptions({ summary: `end the review: ${this.#status}` }, [input]);
    this.#remaining = ended?.remaining;
  }

  async #answer(message: unknown): Promise<RecordedResolution> {
    const checked = checkResolveMessage(message);
    if (!checked.ok) throw failure('INPUT_INVALID', `resolveReview: ${checked.problem}`);
    if (this.#taking !== null) throw await this.#refuseSecond(checked.value);
    return this.take(checked.value, 'update');
  }

  /** One execution carries one resolution out: another is refused, and is in the ledger with the first. */
  async #refuseSecond({ resolution, reviewer, notes }: ResolveMessage) {
    this.#attempts += 1;
    const decisionNo = this.#attempts;
    const refusal = `${resolution}: ${workflowInfo().workflowId} carries out another resolution; start a workflow resolveReviews for this one`;
    this.#refused.push(refusal);
    this.#show();
    await condition(() => this.#opened !== null || this.#taking === null);
    if (this.#opened) {
      const entry = {
        decisionNo,
        channel: 'update',
        decision: 'approve',
        approver: reviewer,
        planDigest: null,
        reason: notes === null ? resolution : `${resolution}: ${notes}`,
        accepted: false,
        refusal,
      };
      const { runId } = this.#opened.recorded;
      await quick.recordDecision.executeWithOptions({ summary: 'record a refused resolution' }, [{ runId, entry }]);
    }
    return failure('REVIEW_REFUSED', refusal);
  }

  get #whenOpened(): Extract<OpenedReview, { kind: 'opened' }> {
    if (!this.#opened) throw failure('INTERNAL', 'no resolution was recorded');
    return this.#opened;
  }

  #enter(phase: RunPhase): void {
    this.#phase = phase;
    if (this.#opened?.searchAttributes) upsertSearchAttributes([{ key: PHASE, value: phase }]);
    this.#show();
  }

  #show(): void {
    const phase =
      this.#phase === 'done'
        ? this.#status
        : this.#opened || this.#taking
          ? this.#phase
          : 'waiting for the update `resolveReview`';
    const { recorded, plan } = this.#opened ?? {};
    const sections = [
      `Review \`${recorded?.runId ?? workflowInfo().workflowId}\`: **${phase}**`,
      recorded ? `${recorded.resolution} by ${recorded.reviewer.slice(0, 100)}: ${recorded.reviews} entries` : '',
      plan && plan.total > 0 ? `Corrections: ${this.#done} of ${plan.total}\n\n${planTable(plan)}` : '',
      leftSection(this.#verified, this.#remaining),
      ...this.#refused.slice(-5).map((why) => `Refused: ${why.slice(0, 300)}`),
    ];
    setCurrentDetails(sections.filter((section) => section !== '').join('\n\n'));
  }

  #progress() {
    return {
      runId: this.#opened?.recorded.runId ?? null,
      status: this.#status,
      phase: this.#phase,
      tables: [],
      corrections: { done: this.#done, total: this.#opened?.plan.total ?? 0 },
      tuning: null,
    };
  }
}

/** Whether an execution is open: only then does a signal, which it ignores, reach it. */
async function isOpen(workflowId: string, executionId: string): Promise<boolean> {
  try {
    await getExternalWorkflowHandle(workflowId, executionId).signal('areYouThere');
    return true;
  } catch (error) {
    if (isCancellation(error)) throw error;
    return false;
  }
}
