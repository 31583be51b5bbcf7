import { Command, CommanderError } from 'commander';
import { EXIT } from '../../contracts/exit-code';
import { addCorrections } from './corrections';
import { addAudit } from './audit';
import { addApprove, addReject } from './decide';
import { addDemo } from './demo';
import { addDoctor } from './doctor';
import { addFindings } from './findings';
import { addInit } from './init';
import type { Io } from './io';
import { Runner } from './command';
import { printFailure } from './failure-lines';
import { packageVersion } from './package-root';
import { addPlan } from './plan';
import { addPurge } from './purge';
import { addReport } from './report';
import { addReview } from './review';
import { addRun } from './run';
import { addSchedule } from './schedule';
import { addStatus } from './status';
import { addTune } from './tune';
import { addUndo } from './undo';
import { addUp } from './up';
import { addWorker } from './worker';

const HELP = `
Start here:
  trueup demo                                see it work, with nothing to set up
  trueup init --source URL --target URL      write trueup.yaml for your databases
  trueup doctor                              check everything, and what to do about it
  trueup run                                 compare; a dry run
  trueup run --apply                         compare and correct, with your approval

Temporal is found by TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the rest of the Temporal environment and profile.
Exit codes: 0 consistent or done, 1 inconsistencies remain, 2 usage or configuration, 3 waiting for approval, 4 failed.`;

function buildProgram(io: Io): { readonly program: Command; readonly runner: Runner } {
  const program = new Command('trueup');
  const runner = new Runner(io, program);
  program
    .description(
      'Reconcile two PostgreSQL databases: find every difference, fix it with approval and a backup, prove it.',
    )
    .version(packageVersion())
    .option('--config <path>', 'the config file (default: TRUEUP_CONFIG, else ./trueup.yaml)')
    .addHelpText('after', HELP)
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({
      writeOut: (text) => io.out.line(text.trimEnd()),
      writeErr: (text) => io.err.line(text.trimEnd()),
      outputError: (text, write) => write(`trueup: USAGE: ${text.replace(/^error: /, '')}`),
      getOutHasColors: () => io.colors.isColorSupported,
      getErrHasColors: () => false,
    })
    .showHelpAfterError('  See `trueup --help`, or `trueup COMMAND --help`.')
    .exitOverride();
  const additions = [
    addDemo,
    addUp,
    addWorker,
    addInit,
    addDoctor,
    addRun,
    addStatus,
    addPlan,
    addFindings,
    addCorrections,
  ];
  for (const add of [
    ...additions,
    addApprove,
    addReject,
    addUndo,
    addAudit,
    addPurge,
    addTune,
    addReview,
    addReport,
    addSchedule,
  ])
    add(program, runner);
  return { program, runner };
}

/** Runs one command line (without `node` and the script) and returns its exit code; prints failures, throws none. */
export async function runCli(args: readonly string[], io: Io): Promise<number> {
  try {
    const { program, runner } = buildProgram(io);
    if (args.length === 0) {
      io.err.line(program.helpInformation().trimEnd());
      io.err.line(HELP);
      return EXIT.usage;
    }
    await program.parseAsync(args, { from: 'user' });
    return runner.exitCode;
  } catch (error) {
    // Commander has printed what it throws.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return printFailure(io, error);
  }
}
