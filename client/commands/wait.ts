import { TrueupError } from '../../contracts/errors';
import { EXIT, type ExitCode } from '../../contracts/exit-code';
import { progressView, SILENT_VIEW } from '../render/progress-view';
import type { RunHandle } from '../temporal/run-handle';
import type { Context } from './context';
import { endedReport, printReport } from './ended';
import { followRun, type FrozenPlan } from './follow';
import { askAtGate, gateLines, howToDecideLines } from './gate';
import { onInterrupt } from './interrupt';
import { findReport } from './lookup';

export interface WaitOptions {
  readonly json: boolean;
  /** Approves the plan at once in this name, whatever it holds; absent: ask, or leave it waiting. */
  readonly approveAs?: string;
  /** With `approveAs`: also where the plan is blocked by its guard. */
  readonly override?: boolean;
}

/** Follows a run to its end, through the gate; what it prints last is the report. */
export async function waitForRun(context: Context, handle: RunHandle, options: WaitOptions): Promise<ExitCode> {
  const { io } = context;
  const { json, approveAs, override = false } = options;
  const interrupt = onInterrupt();
  const view = json ? SILENT_VIEW : progressView(io.out);
  try {
    for (;;) {
      const end = await followRun(handle, view, interrupt.signal).finally(() => view.stop());
      if (end.kind === 'closed') return printReport(context, await endedReport(context, handle, end.description), json);
      if (end.kind === 'left') return left(context, handle.workflowId, end.waiting);
      const { runId, plan } = end;
      if (approveAs !== undefined && (await approvedAtOnce(context, handle, plan, { json, approveAs, override })))
        continue;
      if (json || !io.interactive || approveAs !== undefined) {
        const say = json ? io.err : io.out;
        if (!json) gateLines(io, plan).forEach((line) => io.out.line(line));
        howToDecideLines(runId, plan.plan).forEach((line) => say.line(line));
        if (json) await printWaiting(context, handle.workflowId);
        return EXIT.awaitingApproval;
      }
      if ((await askAtGate(io, handle, plan, interrupt.signal)) === 'left') {
        io.out.line(`\nRun ${runId} goes on waiting.`);
        howToDecideLines(runId, plan.plan).forEach((line) => io.out.line(line));
        return EXIT.awaitingApproval;
      }
    }
  } finally {
    interrupt.dispose();
  }
}

/** Approves the plan that stands at the gate; false when that was refused or nobody answered, which is said. */
async function approvedAtOnce(
  { io }: Context,
  handle: RunHandle,
  { plan }: FrozenPlan,
  { json, approveAs, override }: { readonly json: boolean; readonly approveAs: string; readonly override: boolean },
): Promise<boolean> {
  const answer = await handle.decide({
    decision: 'approve',
    approver: approveAs,
    planDigest: plan.digest,
    ...(override ? { override } : {}),
  });
  switch (answer.kind) {
    case 'recorded':
      if (!json) io.out.line(`Approved: plan ${plan.digest}, by ${approveAs}.`);
      return true;
    case 'closed':
      return true;
    case 'refused':
      io.err.line(`trueup: DECISION_REFUSED: ${answer.message}`);
      return false;
    case 'unanswered':
      io.err.line('trueup: no worker answered in time, so the approval is not confirmed.');
      return false;
  }
}

async function printWaiting(context: Context, workflowId: string): Promise<void> {
  const report = await findReport(context.ledger, workflowId);
  if (report === null) throw new TrueupError('RUN_NOT_FOUND', `run ${workflowId} is not in the ledger of this config`);
  context.io.out.line(JSON.stringify({ ...report, status: 'awaiting_approval' }));
}

/** Ctrl-C: the run belongs to Temporal, not to this process. */
function left({ io }: Context, workflowId: string, waiting: boolean): ExitCode {
  io.err.line(`\nRun ${workflowId} goes on without this process. Return to it:`);
  io.err.line(`  trueup status ${workflowId}`);
  if (waiting) io.err.line(`  trueup plan ${workflowId}`);
  return waiting ? EXIT.awaitingApproval : EXIT.ok;
}
