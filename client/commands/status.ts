import type { Command } from 'commander';
import { TrueupError } from '../../contracts/errors';
import { EXIT, type ExitCode } from '../../contracts/exit-code';
import type { RunReport } from '../../contracts/run';
import { blockedLines } from '../render/plan-table';
import { runsTable } from '../render/runs-table';
import { messageOf } from '../temporal/failure';
import { isOpen, RunHandle } from '../temporal/run-handle';
import type { Runner } from './command';
import type { Context } from './context';
import { notInLedger, printReport, withWorkflowState } from './ended';
import { howToDecideLines } from './gate';
import { findReport, recentRuns } from './lookup';
import { executionsOf, withoutLost } from './lost';
import { positiveInteger } from './number-option';
import { startedReport } from './started-report';

interface StatusOptions {
  readonly json?: true;
  readonly limit: number;
}

const HELP = `
With a RUN the exit code is that of the run: 0 running, consistent or done, 1 inconsistencies remain, 3 waiting for
approval, 4 failed or incomplete; 2 when there is no such run.

Examples:
  trueup status                       the latest runs
  trueup status trueup-20260301-120005-9f3c
  trueup status RUN --json            the report of \`trueup run --json\``;

export function addStatus(program: Command, runner: Runner): void {
  program
    .command('status')
    .summary('where a run stands, or the latest runs')
    .description('Where a run stands; without RUN, the latest runs.')
    .argument('[run]', 'run ID or workflow ID')
    .option('--limit <n>', 'how many runs to list', positiveInteger, 20)
    .option('--json', 'print JSON: one report, or an array of them')
    .addHelpText('after', HELP)
    .action(runner.action((context, ref: string | undefined, options: StatusOptions) => status(context, ref, options)));
}

async function status(context: Context, ref: string | undefined, options: StatusOptions): Promise<ExitCode> {
  const json = options.json === true;
  if (ref === undefined) return await list(context, options.limit, json);
  const report = await currentReport(context, ref, options);
  const code = printReport(context, report, json);
  if (!json && report.status === 'awaiting_approval' && report.planDigest !== null) {
    const { planDigest: digest, blocked } = report;
    [...blockedLines(blocked), ...howToDecideLines(report.runId, { digest, blocked })].forEach((line) =>
      context.io.out.line(line),
    );
  }
  return code;
}

async function list(context: Context, limit: number, json: boolean): Promise<ExitCode> {
  const { io } = context;
  const reports = await withoutLost(context, await recentRuns(context.ledger, limit));
  if (json) io.out.line(JSON.stringify(reports));
  else io.out.line(reports.length === 0 ? 'No runs yet. Start one with `trueup run`.' : runsTable(reports, io.colors));
  return EXIT.ok;
}

/** The ledger's report; of a run that is open, with what its workflow says right now. */
async function currentReport(context: Context, ref: string, options: StatusOptions): Promise<RunReport> {
  const report = await findReport(context.ledger, ref);
  if (report !== null && report.endedAt !== null) return report;
  try {
    return await liveReport(context, ref, report, options);
  } catch (error) {
    if (report === null) throw error;
    context.io.err.line(`trueup: without live progress: ${messageOf(error)}`);
    return report;
  }
}

async function liveReport(
  context: Context,
  ref: string,
  report: RunReport | null,
  options: StatusOptions,
): Promise<RunReport> {
  const executionId = report === null ? undefined : (await executionsOf(context, [report])).get(report.runId);
  const run = new RunHandle(await context.temporal(), report?.workflowId ?? ref, executionId);
  const description = await run.describe();
  if (description === null) {
    if (report !== null) {
      const known = `Temporal at ${run.temporal.address}, namespace ${run.temporal.namespace}, knows no workflow of it`;
      context.io.err.line(`trueup: the run has not ended in the ledger, but ${known}`);
      return report;
    }
    throw new TrueupError('RUN_NOT_FOUND', `no run ${ref}, neither in the ledger nor in Temporal`);
  }
  const kind = description.type === 'undo' ? 'undo' : 'reconcile';
  if (!isOpen(description.state)) {
    // It may have ended between the two looks: the ledger then knows more than it did at the first one.
    const newest = await findReport(context.ledger, report?.runId ?? ref);
    const failure = description.state === 'COMPLETED' ? null : await run.failure();
    if (newest === null && failure === null) throw notInLedger(ref);
    return withWorkflowState(newest ?? startedReport(ref, kind, description.startedAt), description, failure);
  }
  const base = report ?? startedReport(ref, kind, description.startedAt);
  const progress = await run.progress();
  // A workflow ID may have been used again: an answer about another run is not one about this.
  if (progress === null && options.json !== true) {
    context.io.err.line('trueup: no live progress: the run does not answer. Is a worker running? See `trueup doctor`.');
  }
  if (progress === null || (progress.runId !== null && report !== null && progress.runId !== report.runId)) return base;
  return {
    ...base,
    status: progress.status,
    tables: progress.tables.length > 0 ? progress.tables : base.tables,
  };
}
