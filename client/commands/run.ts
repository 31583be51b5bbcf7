import { Option, type Command } from 'commander';
import { CHECK_KINDS, RUN_MODES, type CheckKind, type RunMode } from '../../contracts/check';
import { DURATION_FORM, parseDuration } from '../../contracts/duration';
import { TrueupError } from '../../contracts/errors';
import { EXIT, type ExitCode } from '../../contracts/exit-code';
import type { ReconcileInput } from '../../contracts/messages';
import { requester } from '../temporal/ids';
import type { RunHandle } from '../temporal/run-handle';
import { startReconcile } from '../temporal/start';
import { MOST_SAMPLE_ROWS, type SampleWish } from '../../contracts/sample';
import type { Runner } from './command';
import type { Context } from './context';
import { positiveInteger, wholeNumber } from './number-option';
import { startedReport } from './started-report';
import { waitForRun } from './wait';

interface RunOptions {
  readonly mode?: RunMode;
  readonly sampleRows?: number;
  readonly seed?: number;
  readonly check?: readonly CheckKind[];
  readonly critical?: true;
  readonly queue?: true;
  readonly apply?: true;
  readonly detach?: true;
  readonly json?: true;
  readonly approvalTimeout?: string;
  readonly requestedBy?: string;
  readonly resume?: string;
}

const HELP = `
A dry run (the default) compares, writes every inconsistency to the ledger and makes the plan, and changes nothing.
With --apply the plan is applied: at once where the policy of a table says auto, after an approval where it says approve.
Ctrl-C leaves the run going and says how to return to it.

Modes: full compares every row, and checks the schemas (drift), references and times; count, aggregate and rules compare
counts, groups and the config's business rules, and no rows; incremental compares the rows that changed since the last
complete run, by the column that the config names under updatedAt; sample compares some rows and estimates the rest.

Exit codes: 0 consistent or done (or left running), 1 inconsistencies remain, 2 usage or configuration,
3 waiting for approval, 4 failed or incomplete.

Examples:
  trueup run                          a dry run of all tables
  trueup run orders customers --apply compare two tables and correct them
  trueup run --apply --json           one JSON report on stdout; exit code 3 when it waits for approval
  trueup run --apply --detach         start and return at once
  trueup run --mode sample --sample-rows 1000 --seed 7   some rows of each table, the same each time
  trueup run --resume RUN             compare what an incomplete, failed or cancelled run left out`;

export function addRun(program: Command, runner: Runner): void {
  program
    .command('run')
    .summary('start a run, show its progress and wait for its end')
    .description('Reconcile tables: start a run, show live progress, wait for its end or for the approval of its plan.')
    .argument('[tables...]', 'names of tables from the config (default: all)')
    .addOption(new Option('--mode <mode>', 'how to look at the tables (default: full)').choices(RUN_MODES))
    .option('--sample-rows <n>', 'rows of the sample of each table, with --mode sample', positiveInteger)
    .option('--seed <n>', 'draw the sample by this number again, with --mode sample', wholeNumber)
    .addOption(new Option('--check <kinds...>', 'check this too, beside what the mode checks').choices(CHECK_KINDS))
    .option('--critical', 'only the tables that the config calls critical')
    .option('--queue', 'wait for no approval: what needs one goes to the review queue')
    .option('--apply', 'correct the target, after approval where the config asks for it')
    .option('--detach', 'start the run and return at once')
    .option('--json', 'print one JSON report and nothing else')
    .option('--approval-timeout <duration>', 'how long the plan waits for a decision, such as 30m or 24h')
    .option('--requested-by <name>', 'who asks for the run (default: your user name)')
    .option('--resume <run>', 'take over what a run that did not end well has compared, and compare the rest')
    .addHelpText('after', HELP)
    .action(runner.action((context, tables: string[], options: RunOptions) => run(context, tables, options)));
}

async function run(context: Context, tables: readonly string[], options: RunOptions): Promise<ExitCode> {
  const input = reconcileInput(context, tables, options);
  const temporal = await context.temporal();
  const handle = await startReconcile(temporal, input);
  if (options.detach) return detached(context, handle, options);
  if (!options.json) await announce(context, handle);
  return await waitForRun(context, handle, { json: options.json === true });
}

/** Everything that can be told to be wrong without a server is told before one is asked. */
function reconcileInput(context: Context, tables: readonly string[], options: RunOptions): ReconcileInput {
  const sample = sampleOf(options);
  const { config } = context;
  // A config without tables takes them from the databases, which only the worker looks at.
  if (config.tables !== null) config.runConfig(tables);
  config.connectionUrl(config.ledger.connection);
  const { approvalTimeout, apply, check, critical, mode, queue, requestedBy, resume } = options;
  if (requestedBy?.trim() === '') throw new TrueupError('USAGE', '--requested-by: a run needs a name');
  if (resume !== undefined && tables.length > 0) {
    throw new TrueupError('USAGE', '--resume: takes the tables of the earlier run, so name none');
  }
  if (approvalTimeout !== undefined && parseDuration(approvalTimeout) === null) {
    throw new TrueupError(
      'USAGE',
      `--approval-timeout ${approvalTimeout}: not a duration; allowed is ${DURATION_FORM}`,
    );
  }
  return {
    ...(tables.length === 0 ? {} : { tables: [...new Set(tables)] }),
    ...(mode === undefined ? {} : { mode }),
    ...(Object.keys(sample).length === 0 ? {} : { sample }),
    ...(check === undefined ? {} : { checks: [...new Set(check)] }),
    ...(critical ? { critical } : {}),
    ...(queue ? { unapproved: 'queue' as const } : {}),
    apply: apply === true,
    requestedBy: requestedBy ?? requester(),
    ...(approvalTimeout === undefined ? {} : { approvalTimeout }),
    ...(resume === undefined ? {} : { resume }),
  };
}

function sampleOf({ mode, sampleRows, seed }: RunOptions): SampleWish {
  if ((sampleRows !== undefined || seed !== undefined) && mode !== 'sample') {
    throw new TrueupError('USAGE', '--sample-rows, --seed: allowed with --mode sample');
  }
  if (sampleRows !== undefined && sampleRows > MOST_SAMPLE_ROWS) {
    throw new TrueupError('USAGE', `--sample-rows ${sampleRows}: allowed are 1 to ${MOST_SAMPLE_ROWS}`);
  }
  return { ...(sampleRows === undefined ? {} : { rows: sampleRows }), ...(seed === undefined ? {} : { seed }) };
}

async function detached(context: Context, handle: RunHandle, options: RunOptions): Promise<ExitCode> {
  if (options.json) {
    context.io.out.line(JSON.stringify(startedReport(handle.workflowId, 'reconcile', new Date())));
    return EXIT.ok;
  }
  await announce(context, handle);
  return EXIT.ok;
}

async function announce(context: Context, { workflowId }: RunHandle): Promise<void> {
  const { out, colors } = context.io;
  out.line(`Run ${colors.bold(workflowId)} started.`);
  const link = await context.webLink(workflowId);
  if (link !== null) out.line(`  Temporal Web: ${link}`);
  out.line(`  Return to it: trueup status ${workflowId}`);
}
