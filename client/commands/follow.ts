import { setTimeout as sleep } from 'node:timers/promises';
import type { PlanAnswer, ProgressAnswer } from '../../contracts/messages';
import type { PlanSummary } from '../../contracts/run';
import { TASK_QUEUE } from '../../contracts/names';
import type { ProgressView } from '../render/progress-view';
import { workersPolling } from '../temporal/pollers';
import { isOpen, type RunDescription, type RunHandle } from '../temporal/run-handle';

export type FrozenPlan = PlanAnswer & { readonly plan: PlanSummary };

/** Why following stopped: the run ended, it waits for a decision, or whoever followed it left. */
export type FollowEnd =
  | { readonly kind: 'closed'; readonly description: RunDescription }
  | { readonly kind: 'gate'; readonly runId: string; readonly plan: FrozenPlan }
  | { readonly kind: 'left'; readonly waiting: boolean };

const FAST_MS = 400;
const SLOW_MS = 1_500;
const FAST_FOR_MS = 60_000;
/** Temporal may be away this long, as at a restart, before following it is given up. */
const PATIENCE_MS = 120_000;

/** Shows a run's progress until it ends, stops at a gate, or `signal` is aborted. A restart of Temporal is sat out. */
export async function followRun(run: RunHandle, view: ProgressView, signal: AbortSignal): Promise<FollowEnd> {
  const startedAt = Date.now();
  let lastAnswerAt = Date.now();
  let waiting = false;
  const said = new NoticeOnce(view);
  while (!signal.aborted) {
    let description: RunDescription | null;
    let progress: ProgressAnswer | null;
    try {
      [description, progress] = await Promise.all([run.describe(), run.progress()]);
      lastAnswerAt = Date.now();
    } catch (error) {
      if (Date.now() - lastAnswerAt > PATIENCE_MS) throw error;
      said.say('Temporal does not answer; waiting for it.');
      await pause(SLOW_MS, signal);
      continue;
    }
    if (progress !== null) {
      view.show(progress);
      const paused = progress.tuning?.paused ?? null;
      if (paused === null) said.forget();
      else said.say(`Paused: ${paused}.`);
      waiting = progress.status === 'awaiting_approval';
    }
    if (description !== null && !isOpen(description.state)) {
      // The two answers are not of one moment: what is drawn last is how the run ended.
      const last = progress?.phase === 'done' ? null : await run.progress();
      if (last !== null) view.show(last);
      return { kind: 'closed', description };
    }
    if (waiting && progress !== null) {
      const plan = await run.plan();
      if (plan?.plan && plan.decision === null) {
        return { kind: 'gate', runId: plan.runId ?? run.workflowId, plan: { ...plan, plan: plan.plan } };
      }
    }
    if (progress === null) await sayWhoIsMissing(run, said);
    await pause(Date.now() - startedAt < FAST_FOR_MS ? FAST_MS : SLOW_MS, signal);
  }
  return { kind: 'left', waiting };
}

/** Says each thing once, until it is over. */
class NoticeOnce {
  #last: string | null = null;

  constructor(private readonly view: ProgressView) {}

  say(text: string): void {
    if (text === this.#last) return;
    this.#last = text;
    this.view.notice(text);
  }

  forget(): void {
    this.#last = null;
  }
}

async function sayWhoIsMissing(run: RunHandle, said: NoticeOnce): Promise<void> {
  const workers = await workersPolling(run.temporal).catch(() => null);
  if (workers?.length !== 0) return;
  said.say(
    `No worker polls the task queue ${TASK_QUEUE} at ${run.temporal.address}: start one with \`trueup worker\`. Waiting for it.`,
  );
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
