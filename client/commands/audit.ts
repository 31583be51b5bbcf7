import type { Command } from 'commander';
import type { AuditProblem, AuditSummary } from '../../contracts/audit';
import { TrueupError } from '../../contracts/errors';
import { EXIT, type ExitCode } from '../../contracts/exit-code';
import { Database } from '../../database/connection';
import { auditRun } from '../../ledger/audit';
import { auditLines, problemLines } from '../render/audit-lines';
import type { Runner } from './command';
import type { Context } from './context';
import { knownReport } from './lookup';

const HELP = `
The corrections and decisions of a run form a chain: each entry holds the digest of the one before it. The audit takes
every digest again, holds each correction against the plan, the decision that approves it and its before-image, and lists
whatever does not fit. It changes nothing.

Who can write to the whole ledger can make a chain anew. So keep the head that is printed at the end of a run somewhere
else, and give it back with --head: then not even that goes unseen. Temporal keeps it, too, as the result of the run's
last activity, endRun.

Exit codes: 0 sound, 1 problems, 2 usage or no such run, 4 something could not be checked.

Examples:
  trueup audit RUN
  trueup audit RUN --head DIGEST
  trueup audit RUN --json | jq '.problems[].type'`;

interface AuditCommandOptions {
  readonly head?: string;
  readonly json?: true;
}

export function addAudit(program: Command, runner: Runner): void {
  program
    .command('audit')
    .summary('prove that the ledger of a run is whole and as it was written')
    .description('Check that no correction, decision or before-image of a run was altered, removed or added.')
    .argument('<run>', 'run ID or workflow ID')
    .option('--head <digest>', 'a digest of the chain that was kept elsewhere')
    .option('--json', 'print one JSON document and nothing else')
    .addHelpText('after', HELP)
    .action(runner.action((context, ref: string, options: AuditCommandOptions) => audit(context, ref, options)));
}

async function audit(context: Context, ref: string, options: AuditCommandOptions): Promise<ExitCode> {
  const { out, colors } = context.io;
  const head = options.head?.toLowerCase() ?? null;
  if (head !== null && !/^[0-9a-f]{64}$/.test(head)) {
    throw new TrueupError('USAGE', `--head ${options.head ?? ''}: not a digest; allowed are 64 hexadecimal digits`);
  }
  const { runId, status } = await knownReport(context, ref);
  if (options.json) return printJson(context, runId, head);
  out.line(`Audit of run ${colors.bold(runId)} (${status})`);
  const summary = await read(context, runId, head, async (problem) => {
    await out.write(`${problemLines(problem, colors).join('\n')}\n`);
  });
  auditLines(summary, colors).forEach((line) => out.line(line));
  return exitCode(summary);
}

/** One document, written as it is found: a ledger may be wrong in more places than memory holds. */
async function printJson(context: Context, runId: string, head: string | null): Promise<ExitCode> {
  const { out } = context.io;
  await out.write(`{"runId":${JSON.stringify(runId)},"problems":[`);
  let separator = '\n';
  const { problems, ...summary } = await read(context, runId, head, async (problem) => {
    await out.write(`${separator}${JSON.stringify(problem)}`);
    separator = ',\n';
  });
  const code = exitCode({ problems, ...summary });
  await out.write(`],${JSON.stringify({ ...summary, sound: code === EXIT.ok }).slice(1)}\n`);
  return code;
}

/** Each target is opened when it is needed, and all are closed at the end. */
async function read(
  { config, ledger }: Context,
  runId: string,
  head: string | null,
  onProblem: (problem: AuditProblem) => Promise<void>,
): Promise<AuditSummary> {
  const opened: Database[] = [];
  const target = (name: string) => {
    const database = new Database({ name, url: config.connectionUrl(name), maxConnections: 1, readOnly: true });
    opened.push(database);
    return database;
  };
  try {
    return await auditRun(ledger, runId, { head, target, onProblem });
  } finally {
    await Promise.all(opened.map((database) => database.close()));
  }
}

function exitCode({ problems, unchecked }: AuditSummary): ExitCode {
  if (problems > 0) return EXIT.inconsistent;
  return unchecked.length > 0 ? EXIT.failed : EXIT.ok;
}
