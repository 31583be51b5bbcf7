import { Option, type Command } from 'commander';
import { scopeOf, scopeText } from '../../contracts/approval';
import { TrueupError } from '../../contracts/errors';
import { EXIT, type ExitCode } from '../../contracts/exit-code';
import { OPERATIONS, type Operation } from '../../contracts/correction';
import type { ApprovalTerms, DecideMessage, Decision } from '../../contracts/messages';
import { instant } from '../render/text';
import { osUser } from '../temporal/ids';
import { recordLateDecision } from '../temporal/late-decision';
import { isOpen, RunHandle } from '../temporal/run-handle';
import type { Runner } from './command';
import type { Context } from './context';
import { findReport } from './lookup';

interface ApproveOptions {
  readonly plan: string;
  readonly approver?: string;
  readonly note?: string;
  readonly tables?: readonly string[];
  readonly operations?: readonly Operation[];
  readonly override?: true;
  readonly json?: true;
}

interface RejectOptions {
  readonly reason: string;
  readonly plan?: string;
  readonly approver?: string;
  readonly json?: true;
}

const APPROVE_HELP = `
What needs approval and is not in the part that is approved is left out: it is not done, and its findings stay OPEN.

Exit codes: 0 recorded, 4 refused.

Examples:
  trueup approve trueup-20260301-120005-9f3c --plan 3f9a… --note "as agreed"
  trueup approve RUN --plan 3f9a… --tables orders items --operations update
  trueup approve RUN --plan 3f9a… --override    a plan that is blocked by its guard`;

export function addApprove(program: Command, runner: Runner): void {
  program
    .command('approve')
    .summary('approve exactly one plan')
    .description('Approve the plan that a run waits with. The digest says which plan was read and is approved.')
    .argument('<run>', 'run ID or workflow ID')
    .requiredOption('--plan <digest>', 'the digest that `trueup plan RUN` shows')
    .option('--approver <name>', 'who approves (default: your user name)')
    .option('--note <text>', 'kept with the decision')
    .option('--tables <table...>', 'approve only the corrections of these tables')
    .addOption(new Option('--operations <operation...>', 'approve only these operations').choices(OPERATIONS))
    .option('--override', 'approve although the plan deletes or overwrites more than the guard allows')
    .option('--json', 'print the decision as recorded as JSON')
    .addHelpText('after', APPROVE_HELP)
    .action(runner.action((context, ref: string, options: ApproveOptions) => approve(context, ref, options)));
}

export function addReject(program: Command, runner: Runner): void {
  program
    .command('reject')
    .summary('reject the plan that a run waits with')
    .description('Reject the plan that a run waits with: what needs approval is not done, and the run ends.')
    .argument('<run>', 'run ID or workflow ID')
    .requiredOption('--reason <text>', 'why; kept with the decision')
    .option('--plan <digest>', 'only if this is the plan (default: the plan that the run waits with)')
    .option('--approver <name>', 'who rejects (default: your user name)')
    .option('--json', 'print the decision as recorded as JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 recorded, 4 refused.\n\nExample:\n  trueup reject trueup-20260301-120005-9f3c --reason "orders are still being migrated"',
    )
    .action(runner.action((context, ref: string, options: RejectOptions) => reject(context, ref, options)));
}

function approve(context: Context, ref: string, options: ApproveOptions): Promise<ExitCode> {
  const { plan, approver, note, json } = options;
  const message: DecideMessage = {
    decision: 'approve',
    approver: named(approver),
    planDigest: plan,
    ...(note === undefined ? {} : { reason: note }),
    ...termsOf(options),
  };
  return decide(context, ref, () => Promise.resolve(message), json === true);
}

function termsOf({ tables, operations, override }: ApprovalTerms): ApprovalTerms {
  return {
    ...(tables === undefined ? {} : { tables }),
    ...(operations === undefined ? {} : { operations }),
    ...(override === undefined ? {} : { override }),
  };
}

function reject(context: Context, ref: string, options: RejectOptions): Promise<ExitCode> {
  const { reason, approver, json } = options;
  if (reason.trim() === '') throw new TrueupError('USAGE', '--reason: a rejection needs one that is not empty');
  const messageFor = async (run: RunHandle): Promise<DecideMessage> => ({
    decision: 'reject',
    approver: named(approver),
    planDigest: options.plan ?? (await run.plan())?.plan?.digest ?? '',
    reason,
  });
  return decide(context, ref, messageFor, json === true);
}

function named(approver: string | undefined): string {
  if (approver?.trim() === '') throw new TrueupError('USAGE', '--approver: a decision needs a name');
  return approver ?? osUser();
}

async function decide(
  context: Context,
  ref: string,
  messageFor: (run: RunHandle) => Promise<DecideMessage>,
  json: boolean,
): Promise<ExitCode> {
  const { io } = context;
  const { run, isWaiting } = await findRun(context, ref);
  const message = await messageFor(run);
  if (!isWaiting) return await tooLate(context, ref, message);
  const answer = await run.decide(message);
  switch (answer.kind) {
    case 'recorded':
      if (json) io.out.line(JSON.stringify(answer.decision));
      else io.out.line(recordedLine(ref, answer.decision));
      return EXIT.ok;
    case 'refused':
      throw new TrueupError('DECISION_REFUSED', answer.message);
    case 'closed':
      return await tooLate(context, ref, message);
    case 'unanswered':
      io.err.line('trueup: no worker answered in time, so the decision is not confirmed.');
      io.err.line(`  See \`trueup status ${ref}\` when a worker runs, and repeat it if the run still waits.`);
      return EXIT.failed;
  }
}

function recordedLine(ref: string, decided: Decision): string {
  const { decision, approver, planDigest, decidedAt, override } = decided;
  const done = decision === 'approve' ? 'Approved' : 'Rejected';
  const part = scopeText(scopeOf(decided));
  const terms = `${part === null ? '' : `, only ${part}`}${override === true ? ', overriding the guard' : ''}`;
  return `${done}: run ${ref}, plan ${planDigest}, by ${approver}, at ${instant(decidedAt)}${terms}.`;
}

/** The workflow of a run; whoever approves need not be able to read the ledger, so that is asked only if it must be. */
async function findRun(
  context: Context,
  ref: string,
): Promise<{ readonly run: RunHandle; readonly isWaiting: boolean }> {
  const temporal = await context.temporal();
  const direct = new RunHandle(temporal, ref);
  const described = await direct.describe();
  if (described !== null) return { run: direct, isWaiting: isOpen(described.state) };
  const report = await findReport(context.ledger, ref);
  if (report === null) throw new TrueupError('RUN_NOT_FOUND', `no run ${ref}, neither in Temporal nor in the ledger`);
  const run = new RunHandle(temporal, report.workflowId);
  const found = await run.describe();
  return { run, isWaiting: report.endedAt === null && found !== null && isOpen(found.state) };
}

/** The run is over: nothing changes, and the attempt goes to the ledger with the rest of the run's story. */
async function tooLate(context: Context, ref: string, message: DecideMessage): Promise<ExitCode> {
  const report = await findReport(context.ledger, ref).catch(() => null);
  const { reason, planDigest, ...rest } = message;
  const recorded = await recordLateDecision(await context.temporal(), {
    runId: report?.runId ?? ref,
    ...rest,
    ...(planDigest === '' ? {} : { planDigest }),
    ...(reason === undefined ? {} : { reason }),
  });
  const status = report === null ? 'has ended' : `has ended: ${report.status}`;
  context.io.err.line(`trueup: DECISION_REFUSED: ${recorded ?? `run ${ref} ${status}; nothing waits for a decision`}`);
  if (recorded !== null && report !== null) context.io.err.line(`  The run's status: ${report.status}.`);
  if (recorded === null)
    context.io.err.line('  No worker answered within 10 s: this attempt could not be recorded in the ledger.');
  return EXIT.failed;
}
