import type { Command } from 'commander';
import { TrueupError } from '../../contracts/errors';
import { EXIT, type ExitCode } from '../../contracts/exit-code';
import type { TuneMessage } from '../../contracts/messages';
import type { Tuning } from '../../contracts/throttle';
import { RunHandle } from '../temporal/run-handle';
import type { Runner } from './command';
import type { Context } from './context';
import { findReport } from './lookup';
import { positiveInteger } from './number-option';

interface TuneOptions {
  readonly concurrency?: number;
  readonly maxChunks?: number;
  readonly pause?: true;
  readonly resume?: true;
  readonly json?: true;
}

const HELP = `
What was begun goes on to its end; nothing that was compared is lost. What is left out stays as it is.

Exit codes: 0 done, 2 no such run, 4 refused: the run compares no more.

Examples:
  trueup tune RUN --concurrency 1     compare one chunk at a time
  trueup tune RUN --pause             begin nothing new
  trueup tune RUN --resume            go on`;

export function addTune(program: Command, runner: Runner): void {
  program
    .command('tune')
    .summary('make a run that compares faster, slower, or pause')
    .description('Change how a run compares while it does: how much at once, or nothing for a while.')
    .argument('<run>', 'run ID or workflow ID')
    .option('--concurrency <n>', 'chunks compared at once, from 1 to 64', positiveInteger)
    .option('--max-chunks <n>', 'chunks at once on each database, from 1 to 64', positiveInteger)
    .option('--pause', 'begin nothing new')
    .option('--resume', 'go on after --pause')
    .option('--json', 'print what holds now as JSON')
    .addHelpText('after', HELP)
    .action(runner.action((context, ref: string, options: TuneOptions) => tune(context, ref, options)));
}

async function tune(context: Context, ref: string, options: TuneOptions): Promise<ExitCode> {
  const message = messageOf(options);
  const tuning = await (await openRun(context, ref)).tune(message);
  context.io.out.line(options.json ? JSON.stringify(tuning) : tuningText(ref, tuning));
  return EXIT.ok;
}

function messageOf({ concurrency, maxChunks, pause, resume }: TuneOptions): TuneMessage {
  if (pause && resume) throw new TrueupError('USAGE', '--pause and --resume: one of them');
  const message: TuneMessage = {
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(maxChunks === undefined ? {} : { maxChunksPerConnection: maxChunks }),
    ...(pause || resume ? { pause: pause === true } : {}),
  };
  if (Object.keys(message).length > 0) return message;
  throw new TrueupError('USAGE', 'tune: nothing to change; name --concurrency, --max-chunks, --pause or --resume');
}

/** The workflow of a run; the ledger is asked only where its ID is not the workflow's. */
async function openRun(context: Context, ref: string): Promise<RunHandle> {
  const temporal = await context.temporal();
  const direct = new RunHandle(temporal, ref);
  if ((await direct.describe()) !== null) return direct;
  const report = await findReport(context.ledger, ref);
  if (report === null) throw new TrueupError('RUN_NOT_FOUND', `no run ${ref}, neither in Temporal nor in the ledger`);
  return new RunHandle(temporal, report.workflowId);
}

function tuningText(ref: string, { concurrency, maxChunksPerConnection, paused }: Tuning): string {
  const ceiling = maxChunksPerConnection === null ? '' : `, at most ${maxChunksPerConnection} on each database`;
  const chunks = `${concurrency} ${concurrency === 1 ? 'chunk' : 'chunks'} at once${ceiling}`;
  return `Run ${ref}: ${chunks}${paused === null ? '' : `; paused: ${paused}`}.`;
}
