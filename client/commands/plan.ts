import { open, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { TrueupError } from '../../contracts/errors';
import { EXIT, type ExitCode } from '../../contracts/exit-code';
import type { RunReport } from '../../contracts/run';
import { streamPlan } from '../../ledger/plan';
import { planItemJson, planItemLines } from '../render/plan-item';
import { blockedLines, decidingCommands, decisionLine, planTable } from '../render/plan-table';
import type { Runner } from './command';
import type { Context } from './context';
import { knownReport } from './lookup';
import { planScript } from './plan-script';

const HELP = `
Shows the plan by table and operation, then every correction field by field: before → after.

--sql makes a script for psql that does what applying the plan would, with the same checks; its head says how to run it,
and how to take it back. The database is asked for its name alone.

Examples:
  trueup plan RUN | less
  trueup plan RUN --sql --output plan.sql
  trueup plan RUN --summary
  trueup plan RUN --json | jq '.items[] | select(.operation == "delete")'`;

interface PlanOptions {
  readonly json?: true;
  readonly summary?: true;
  readonly sql?: true;
  readonly output?: string;
  readonly connection?: string;
}

export function addPlan(program: Command, runner: Runner): void {
  program
    .command('plan')
    .summary('what a run would change, field by field')
    .description('The frozen plan of a run: what it would change in the target, and the commands that decide.')
    .argument('<run>', 'run ID or workflow ID')
    .option('--summary', 'only the table and the digest')
    .addOption(new Option('--json', 'print one JSON document').conflicts('sql'))
    .addOption(new Option('--sql', 'print a script for psql that does the same by hand').conflicts('summary'))
    .option('--output <file>', 'with --sql: write the script to a file')
    .option('--connection <name>', 'with --sql: the target, where the plan changes several')
    .addHelpText('after', HELP)
    .action(runner.action((context, ref: string, options: PlanOptions) => plan(context, ref, options)));
}

async function plan(context: Context, ref: string, options: PlanOptions): Promise<ExitCode> {
  const { sql, output, connection } = options;
  if (!sql && (output ?? connection) !== undefined) {
    throw new TrueupError('USAGE', 'plan: --output and --connection go with --sql');
  }
  const report = await knownReport(context, ref);
  if (sql) {
    if (report.planDigest === null)
      throw new TrueupError('USAGE', `plan --sql: no plan is frozen for run ${report.runId}`);
    const script = planScript(context, report, connection);
    if (output === undefined) await printScript(context, script);
    else await writeScript(context, script, output);
  } else if (options.json) await printJson(context, report, options);
  else await printText(context, report, options);
  return EXIT.ok;
}

async function printScript({ io: { out } }: Context, script: AsyncIterable<string>): Promise<void> {
  for await (const text of script) {
    if (out.closed) return;
    await out.write(text);
  }
}

/** Writes beside the file and puts it there when it is whole: half a script is never found. */
async function writeScript({ io }: Context, script: AsyncIterable<string>, output: string): Promise<void> {
  const path = resolve(io.cwd, output);
  const part = `${path}.part`;
  try {
    const file = await open(part, 'w', 0o600);
    try {
      for await (const text of script) await file.writeFile(text);
    } finally {
      await file.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    if (error instanceof TrueupError) throw error;
    throw new TrueupError('USAGE', `plan: cannot write ${output}: ${(error as Error).message}`);
  }
  io.err.line(`Written to ${output}; its head says how to run it.`);
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
