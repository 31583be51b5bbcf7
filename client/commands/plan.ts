import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../../contracts/exit-code';
import type { RunReport } from '../../contracts/run';
import { streamPlan } from '../../ledger/plan';
import { planItemJson, planItemLines } from '../render/plan-item';
import { blockedLines, decidingCommands, decisionLine, planTable } from '../render/plan-table';
import type { Runner } from './command';
import type { Context } from './context';
import { knownReport } from './lookup';

const HELP = `
Shows the plan by table and operation, then every correction field by field: before → after.

Examples:
  trueup plan RUN | less
  trueup plan RUN --summary
  trueup plan RUN --json | jq '.items[] | select(.operation == "delete")'`;

interface PlanOptions {
  readonly json?: true;
  readonly summary?: true;
}

export function addPlan(program: Command, runner: Runner): void {
  program
    .command('plan')
    .summary('what a run would change, field by field')
    .description('The frozen plan of a run: what it would change in the target, and the commands that decide.')
    .argument('<run>', 'run ID or workflow ID')
    .option('--summary', 'only the table and the digest')
    .option('--json', 'print one JSON document')
    .addHelpText('after', HELP)
    .action(runner.action((context, ref: string, options: PlanOptions) => plan(context, ref, options)));
}

async function plan(context: Context, ref: string, options: PlanOptions): Promise<ExitCode> {
  const report = await knownReport(context, ref);
  if (options.json) await printJson(context, report, options);
  else await printText(context, report, options);
  return EXIT.ok;
}

/** The commands that decide, while there is something to decide. */
function commandsFor(report: RunReport): readonly string[] {
  if (report.status !== 'awaiting_approval' || report.planDigest === null) return [];
  return decidingCommands(report.runId, { digest: report.planDigest, blocked: report.blocked });
}

async function printText({ io, ledger }: Context, report: RunReport, { summary }: PlanOptions): Promise<void> {
  const { out, colors } = io;
  out.line(`Plan of run ${colors.bold(report.runId)} (${report.status})`);
  if (report.planDigest === null) {
    out.line('No plan is frozen for this run.');
    return;
  }
  out.line(planTable(report.plan));
  blockedLines(report.blocked).forEach((line) => out.line(line));
  out.line(`Digest: ${colors.bold(report.planDigest)}`);
  if (report.decision !== null) out.line(decisionLine(report.decision, report.leftOut));
  if (!summary) {
    for await (const item of streamPlan(ledger, report.runId)) {
      if (out.closed) return;
      await out.write(`\n${planItemLines(item).join('\n')}\n`);
    }
  }
  const commands = commandsFor(report);
  if (commands.length > 0) out.line(['', 'To decide:', ...commands.map((command) => `  ${command}`)].join('\n'));
}

/** One document, written as it is read: a plan may hold more corrections than memory does. */
async function printJson({ io, ledger }: Context, report: RunReport, { summary }: PlanOptions): Promise<void> {
  const { out } = io;
  const head = {
    runId: report.runId,
    status: report.status,
    planDigest: report.planDigest,
    lines: report.plan,
    blocked: report.blocked,
    decision: report.decision,
    leftOut: report.leftOut,
    howToDecide: commandsFor(report),
  };
  if (summary) {
    out.line(JSON.stringify(head));
    return;
  }
  await out.write(`${JSON.stringify(head).slice(0, -1)},"items":[`);
  let separator = '\n';
  for await (const item of streamPlan(ledger, report.runId)) {
    if (out.closed) return;
    await out.write(`${separator}${planItemJson(item)}`);
    separator = ',\n';
  }
  await out.write(']}\n');
}
