import { TrueupError } from '../contracts/errors';
import type { LateDecisionInput } from '../contracts/messages';
import { readChainHead } from '../ledger/chain';
import { insertDecision, insertLateDecision, type DecisionEntry } from '../ledger/decision';
import { readRunReport } from '../ledger/report';
import { endRun as writeEnd, setApprovalDeadline, setVerified, updateRunStatus, type RunEnd } from '../ledger/run';
import { moveWatermarks } from '../ledger/watermark';
import type { ChainHead, RunStatus } from '../contracts/run';
import { countRemaining } from '../ledger/remaining';
import { reopenContradicted } from '../ledger/verification';
import { measureRun } from './measure';
import type { Resources } from './resources';

export async function openGate(
  resources: Resources,
  { runId, deadline }: { readonly runId: string; readonly deadline: string },
): Promise<void> {
  await setApprovalDeadline(await resources.ledger(), runId, deadline);
}

export async function setStatus(
  resources: Resources,
  { runId, status }: { readonly runId: string; readonly status: RunStatus },
): Promise<void> {
  await updateRunStatus(await resources.ledger(), runId, status);
}

export async function recordDecision(
  resources: Resources,
  { runId, entry }: { readonly runId: string; readonly entry: DecisionEntry },
): Promise<void> {
  await insertDecision(await resources.ledger(), runId, entry);
}

/** Writes down a decision that came after the run had ended, and says why it changes nothing. */
export async function recordLateDecision(resources: Resources, input: LateDecisionInput): Promise<string> {
  const ledger = await resources.ledger();
  const report = await readRunReport(ledger, input.runId);
  if (!report) throw new TrueupError('RUN_NOT_FOUND', `no run ${input.runId} in the ledger`);
  const refusal = `the run has ended (${report.status}); nothing was changed`;
  await insertLateDecision(ledger, report.runId, {
    decision: input.decision ?? null,
    approver: input.approver ?? null,
    planDigest: input.planDigest ?? null,
    reason: input.reason ?? null,
    ...(input.tables === undefined ? {} : { tables: input.tables }),
    ...(input.operations === undefined ? {} : { operations: input.operations }),
    ...(input.override === undefined ? {} : { override: input.override }),
    refusal,
  });
  return refusal;
}

export interface EndRunInput extends RunEnd {
  readonly runId: string;
  readonly verified: { readonly checked: number; readonly differing: number } | null;
}

/** What is known of a run that has ended. */
export interface EndedRun extends Partial<ChainHead> {
  /** Differences that it leaves; absent in histories of earlier versions. */
  readonly remaining?: number;
}

/**
 * Ends a run, with the findings open again whose rows differ after their correction. What it returns is in the history of its
 * workflow from then on, a second witness of what the ledger held.
 */
export async function endRun(resources: Resources, input: EndRunInput): Promise<EndedRun | null> {
  const ledger = await resources.ledger();
  if (input.verified) await setVerified(ledger, input.runId, input.verified.checked, input.verified.differing);
  await ledger.withTransaction('read write', async (session) => {
    if (input.status !== 'failed' && input.status !== 'cancelled') await moveWatermarks(session, input.runId);
    await reopenContradicted(session, input.runId);
    await writeEnd(session, input.runId, input);
  });
  await measureRun(resources, input.runId);
  return { ...(await readChainHead(ledger, input.runId)), remaining: await countRemaining(ledger, input.runId) };
}
