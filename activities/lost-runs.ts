import { setTimeout as wait } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { Database } from '../database/connection';
import { countCorrections } from '../ledger/correction';
import { resolveCorrected, resolveUndone } from '../ledger/finding';
import { holdOpenRun, listOpenRuns, type OpenRun, type OpenRunScope } from '../ledger/open-runs';
import { noteUndoneReviews, settleReviews } from '../ledger/review-plan';
import { endRun } from '../ledger/run';
import type { Resources } from './resources';
import { enterSideEffects } from './side-effects';
import type { StepContext } from './step';

/** Runs that are looked at, the oldest. */
const MOST_RUNS = 500;
/** An activity of a workflow that was ended hears of it within its heartbeat's time-out, and ends what it is at. */
const LAST_STEP_MS = 25_000;
/** A run whose workflow Temporal no longer knows: one as young as this may be of another namespace. */
const FORGOTTEN_MS = 24 * 3_600_000;

/**
 * Ends runs in the ledger whose workflow can do so no more, as it was terminated or timed out: they are `failed`, with the
 * reason, and what they had done is said of their findings. Returns how many.
 */
export async function endLostRuns(resources: Resources, scope: OpenRunScope, context: StepContext): Promise<number> {
  const ledger = await resources.ledger();
  const { client } = Context.current();
  let lost = 0;
  for (const run of await listOpenRuns(ledger, scope, MOST_RUNS)) {
    const how = await howClosed(client, run);
    if (how === null) continue;
    const rest = how.closedAt === null ? 0 : how.closedAt.getTime() + LAST_STEP_MS - Date.now();
    if (rest > 0) await wait(Math.min(rest, LAST_STEP_MS), undefined, { signal: context.signal });
    // Its last step may not have come to that. Where its config or a target is out of reach, an audit tells.
    await enterSideEffects(resources, run.runId).catch(() => undefined);
    if (await end(ledger, run, how.state)) lost += 1;
    context.report({ lost });
  }
  return lost;
}

/** How the execution of a run ended; null: it has not, or nobody knows. */
async function howClosed(client: Client, { workflowId, executionId, ageMs }: OpenRun) {
  try {
    const { status, closeTime } = await client.workflow.getHandle(workflowId, executionId).describe();
    const isOpen = status.name === 'RUNNING' || status.name === 'PAUSED' || status.name === 'CONTINUED_AS_NEW';
    return isOpen ? null : { state: status.name, closedAt: closeTime ?? null };
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    return ageMs < FORGOTTEN_MS ? null : { state: 'Temporal knows it no more', closedAt: null };
  }
}

/** Ends a run, unless it has ended by itself meanwhile; whether it did. */
async function end(ledger: Database, { runId, kind }: OpenRun, state: string): Promise<boolean> {
  return ledger.withTransaction('read write', async (session) => {
    if (!(await holdOpenRun(session, runId))) return false;
    if (kind === 'review') await settleReviews(session, runId);
    else if (kind === 'reconcile') {
      const counts = Object.values(await countCorrections(session, runId));
      await resolveCorrected(
        session,
        runId,
        counts.reduce((sum, n) => sum + n, 0),
      );
    } else {
      await resolveUndone(session, runId);
      await noteUndoneReviews(session, runId);
    }
    const error = { code: 'INTERNAL', message: `the workflow was ended from outside: ${state}` } as const;
    await endRun(session, runId, { status: state === 'CANCELLED' ? 'cancelled' : 'failed', error, phases: {} });
    return true;
  });
}
