import type { Command } from 'commander';
import { DURATION_FORM, parseDuration } from '../../contracts/duration';
import { TrueupError } from '../../contracts/errors';
import { EXIT, type ExitCode } from '../../contracts/exit-code';
import type { UndoInput } from '../../contracts/messages';
import { requester } from '../temporal/ids';
import { startUndo } from '../temporal/start';
import type { Runner } from './command';
import type { Context } from './context';
import { knownReport } from './lookup';
import { startedReport } from './started-report';
import { waitForRun } from './wait';

interface UndoOptions {
  readonly table?: readonly string[];
  readonly correction?: readonly string[];
  readonly force?: true;
  readonly yes?: true;
  readonly override?: true;
  readonly approvalTimeout?: string;
  readonly detach?: true;
  readonly json?: true;
}

const HELP = `
Every row that the run changed is given back as it was. What is undone already is left out, so a part can be undone now
and the rest later. An undo is a run of its own, with an ID: it can be undone like any other.

A row that has changed again since is left alone, and listed as SKIPPED_STALE with what differs. With --force it is
overwritten; that is recorded, and backed up, so it can be taken back.

What deletes or overwrites rows waits for an approval, unless the config says \`defaults.undo: auto\`; what --force
overwrites always does. On a terminal you are asked; --yes approves the plan at once, in your name. What a delete took
along by a foreign key comes back with it, also where only the delete, or its table, is named. A plan that deletes or
overwrites more than the guard allows, such as half of a table, waits for an approval that overrides it: --yes --override.

Exit codes: 0 everything given back (or left running), 1 some rows were not, 2 no such run or not one to undo,
3 waiting for approval, 4 failed.

Examples:
  trueup undo RUN                          all of it
  trueup undo RUN --table orders items     the corrections of two tables
  trueup undo RUN --correction 17 18       two corrections, by \`seq\` in \`trueup plan RUN --json\`
  trueup undo RUN --yes --json             for a script: approve at once, print one JSON report`;

export function addUndo(program: Command, runner: Runner): void {
  program
    .command('undo')
    .summary('give back what a run changed')
    .description('Undo a run, or a part of it: give the target back the rows that it changed, from the before-images.')
    .argument('<run>', 'run ID or workflow ID')
    .option('--table <name...>', 'only the corrections of these tables')
    .option('--correction <seq...>', 'only these corrections, by their number')
    .option('--force', 'overwrite rows that were changed since their correction')
    .option('--yes', 'approve the plan at once, in your name')
    .option('--override', 'with --yes: also where the plan deletes or overwrites more than the guard allows')
    .option('--approval-timeout <duration>', 'how long the plan waits for a decision, such as 30m or 24h')
    .option('--detach', 'start the undo and return at once')
    .option('--json', 'print one JSON report and nothing else')
    .addHelpText('after', HELP)
    .action(runner.action((context, ref: string, options: UndoOptions) => undo(context, ref, options)));
}

async function undo(context: Context, ref: string, options: UndoOptions): Promise<ExitCode> {
  const { io } = context;
  const { json = false, detach = false, yes = false, override = false } = options;
  const scope = scopeOf(options);
  const undone = await knownReport(context, ref);
  const requestedBy = requester();
  const handle = await startUndo(await context.temporal(), { runId: undone.runId, requestedBy, ...scope });
  if (!json) {
    io.out.line(`Undo ${io.colors.bold(handle.workflowId)} of run ${undone.runId} started.`);
    const link = await context.webLink(handle.workflowId);
    if (link !== null) io.out.line(`  Temporal Web: ${link}`);
    io.out.line(`  Return to it: trueup status ${handle.workflowId}`);
  }
  if (detach) {
    if (json) io.out.line(JSON.stringify(startedReport(handle.workflowId, 'undo', new Date())));
    return EXIT.ok;
  }
  return await waitForRun(context, handle, { json, ...(yes ? { approveAs: requestedBy, override } : {}) });
}

/** What can be told to be wrong without a server is told before one is asked. */
function scopeOf(options: UndoOptions): Omit<UndoInput, 'runId' | 'requestedBy'> {
  const { table, correction, force, approvalTimeout, yes, override, detach } = options;
  if (override && !yes) throw new TrueupError('USAGE', '--override: goes with --yes, which approves the plan');
  if (yes && detach) throw new TrueupError('USAGE', '--yes: not together with --detach, which waits for no plan');
  const wrong = correction?.find((seq) => !/^[1-9]\d{0,17}$/.test(seq));
  if (wrong !== undefined) throw new TrueupError('USAGE', `--correction ${wrong}: not the number of a correction`);
  if (correction !== undefined && correction.length > 1_000) {
    throw new TrueupError('USAGE', `--correction: found ${correction.length} numbers, allowed: at most 1000`);
  }
  if (approvalTimeout !== undefined && parseDuration(approvalTimeout) === null) {
    throw new TrueupError(
      'USAGE',
      `--approval-timeout ${approvalTimeout}: not a duration; allowed is ${DURATION_FORM}`,
    );
  }
  return {
    ...(table === undefined ? {} : { tables: [...new Set(table)] }),
    ...(correction === undefined ? {} : { corrections: [...new Set(correction)] }),
    ...(force === undefined ? {} : { force }),
    ...(approvalTimeout === undefined ? {} : { approvalTimeout }),
  };
}
