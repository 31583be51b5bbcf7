import { setTimeout as sleep } from 'node:timers/promises';
import type { DecideMessage } from '../../contracts/messages';
import { instant } from '../render/text';
import type { PlanSummary } from '../../contracts/run';
import { blockedLines, decidingCommands, planTable } from '../render/plan-table';
import { osUser } from '../temporal/ids';
import type { RunHandle } from '../temporal/run-handle';
import { askDecision } from './ask';
import type { FrozenPlan } from './follow';
import type { Io } from './io';

/** What became of the plan at the gate: `moved` means that it was decided, here or elsewhere, or that it expired. */
export type GateEnd = 'moved' | 'left';

const LOOK_EVERY_MS = 1_000;

/** The plan, its digest and its deadline. */
export function gateLines(io: Io, { plan, deadline }: FrozenPlan): readonly string[] {
  return [
    '',
    io.colors.bold('The plan waits for a decision:'),
    planTable(plan.lines),
    ...blockedLines(plan.blocked ?? []),
    `Digest: ${io.colors.bold(plan.digest)}`,
    ...(deadline === null
      ? []
      : [`Deadline: ${instant(deadline)}; without a decision by then nothing that needs one is done.`]),
  ];
}

/** How to decide later or from elsewhere. */
export function howToDecideLines(runId: string, plan: Pick<PlanSummary, 'digest' | 'blocked'>): readonly string[] {
  return [
    'Look at every correction, then decide:',
    `  trueup plan ${runId}`,
    ...decidingCommands(runId, plan).map((command) => `  ${command}`),
  ];
}

/** Shows the plan and asks what to do with it. A decision from elsewhere ends the question. */
export async function askAtGate(io: Io, run: RunHandle, plan: FrozenPlan, signal: AbortSignal): Promise<GateEnd> {
  gateLines(io, plan).forEach((line) => io.out.line(line));
  const answered = new AbortController();
  const moved = new AbortController();
  const isBlocked = (plan.plan.blocked ?? []).length > 0;
  const watching = watchGate(run, moved, AbortSignal.any([signal, answered.signal]));
  try {
    for (;;) {
      const answer = await askDecision(io, isBlocked, AbortSignal.any([signal, moved.signal]));
      if (moved.signal.aborted) {
        io.out.line('\nDecided elsewhere, or past the deadline.');
        return 'moved';
      }
      if (answer.kind === 'leave' || signal.aborted) return 'left';
      const message: DecideMessage = {
        decision: answer.kind,
        approver: osUser(),
        planDigest: plan.plan.digest,
        ...(answer.kind === 'reject' ? { reason: answer.reason } : {}),
        ...(answer.kind === 'approve' && isBlocked ? { override: true } : {}),
      };
      const outcome = await run.decide(message);
      switch (outcome.kind) {
        case 'recorded':
          io.out.line(`Recorded: ${outcome.decision.decision} by ${outcome.decision.approver}.`);
          return 'moved';
        case 'closed':
          return 'moved';
        case 'refused':
          io.out.line(`Refused: ${outcome.message}`);
          break;
        case 'unanswered':
          io.out.line('No worker answered: the decision is not confirmed. Is one running?');
          break;
      }
    }
  } finally {
    answered.abort();
    await watching;
  }
}

async function watchGate(run: RunHandle, moved: AbortController, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const progress = await run.progress();
    if (progress !== null && progress.status !== 'awaiting_approval') moved.abort();
    if (moved.signal.aborted) return;
  }
}
