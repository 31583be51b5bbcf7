import type { Command } from 'commander';
import { DURATION_FORM, parseDuration } from '../../contracts/duration';
import { TrueupError } from '../../contracts/errors';
import { EXIT, type ExitCode } from '../../contracts/exit-code';
import { TASK_QUEUE } from '../../contracts/names';
import type { PurgeInput, PurgeSummary } from '../../contracts/purge';
import { purgeLines } from '../render/purge-lines';
import { requester } from '../temporal/ids';
import { workersPolling } from '../temporal/pollers';
import { startPurge, type StartedPurge } from '../temporal/purge';
import { ask } from './ask';
import type { Runner } from './command';
import type { Context } from './context';
import { onInterrupt } from './interrupt';

interface PurgeOptions {
  readonly olderThan?: string;
  readonly runs?: readonly string[];
  readonly findings?: true;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly json?: true;
}

const HELP = `
Says what it would drop, by table, then asks. What is dropped is exactly what was shown: if other runs would go by then,
nothing does. A run that has not ended, or whose undo is under way, is never touched; one whose workflow is gone
is ended in the ledger first. The runs stay in \`trueup status\`;
the ledger's \`purge\` says who dropped what, and when.

With --findings the findings, plans and corrections of the runs go, too. Decisions and reviews stay.

Exit codes: 0 done, or nothing to do, 1 you said no, 2 usage, 4 failed.

Examples:
  trueup purge                          as \`ledger.retention\` in the config says
  trueup purge --older-than 90d --dry-run
  trueup purge --runs RUN RUN --findings
  trueup purge --older-than 90d --yes   for a script: does not ask`;

export function addPurge(program: Command, runner: Runner): void {
  program
    .command('purge')
    .summary('drop the before-images of old runs')
    .description('Drop the before-images of runs that ended long ago. Such a run can be undone no more.')
    .option('--older-than <duration>', 'runs that ended longer ago, such as 90d (default: ledger.retention)')
    .option('--runs <run...>', 'these runs, by their IDs')
    .option('--findings', 'drop their findings, plans and corrections, too')
    .option('--dry-run', 'only say what would be dropped')
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON document and nothing else')
    .addHelpText('after', HELP)
    .action(runner.action((context, options: PurgeOptions) => purge(context, options)));
}

async function purge(context: Context, options: PurgeOptions): Promise<ExitCode> {
  const { io } = context;
  const input = purgeInput(context, options);
  const { json = false, dryRun = false, yes = false } = options;
  if (!dryRun && !yes && (json || !io.interactive)) {
    throw new TrueupError('USAGE', 'purge asks before it drops, and nobody can be asked: give --yes, or --dry-run');
  }
  const temporal = await context.temporal();
  const planned = await resultOf(context, await startPurge(temporal, input));
  if (planned === null) return EXIT.ok;
  if (dryRun || planned.runs === 0) return show(context, planned, json);
  if (!json) purgeLines(planned).forEach((line) => io.out.line(line));
  if (!yes && !(await isAgreed(context))) return EXIT.inconsistent;
  const started = await startPurge(temporal, { ...input, apply: true, digest: planned.digest });
  const done = await resultOf(context, started);
  if (done === null) return EXIT.ok;
  if (json) return show(context, done, json);
  io.out.line('Dropped. It is recorded in the ledger, in `purge`.');
  return EXIT.ok;
}

/** Everything that can be told to be wrong without a server is told before one is asked. */
function purgeInput({ config }: Context, { olderThan, runs, findings }: PurgeOptions): PurgeInput {
  if (olderThan !== undefined && parseDuration(olderThan) === null) {
    throw new TrueupError('USAGE', `--older-than ${olderThan}: not a duration; allowed is ${DURATION_FORM}`);
  }
  if (olderThan === undefined && runs === undefined && config.ledger.retentionMs === null) {
    throw new TrueupError('USAGE', 'give --older-than or --runs: the config has no ledger.retention');
  }
  return {
    requestedBy: requester(),
    ...(olderThan === undefined ? {} : { olderThan }),
    ...(runs === undefined ? {} : { runs: [...new Set(runs)] }),
    ...(findings === undefined ? {} : { findings }),
  };
}

function show({ io }: Context, summary: PurgeSummary, json: boolean): ExitCode {
  if (json) io.out.line(JSON.stringify(summary));
  else purgeLines(summary).forEach((line) => io.out.line(line));
  return EXIT.ok;
}

async function isAgreed({ io }: Context): Promise<boolean> {
  const interrupt = onInterrupt();
  try {
    const answer = await ask(io, 'Drop this? Type purge, or anything else to leave it: ', interrupt.signal);
    if (answer?.toLowerCase() === 'purge') return true;
    io.out.line('Nothing was dropped.');
    return false;
  } finally {
    interrupt.dispose();
  }
}

const SAY_AFTER_MS = 3_000;

/** Waits for the end of a purge; null when whoever waited left: it goes on without this process. */
async function resultOf(context: Context, purge: StartedPurge): Promise<PurgeSummary | null> {
  const { io } = context;
  const temporal = await context.temporal();
  const interrupt = onInterrupt();
  const timer = setTimeout(() => {
    void workersPolling(temporal)
      .then((workers) => {
        if (workers.length > 0) return;
        io.err.line(`No worker polls the task queue ${TASK_QUEUE}: start one with \`trueup worker\`. Waiting for it.`);
      })
      .catch(() => undefined);
  }, SAY_AFTER_MS);
  try {
    const leaving = new Promise<null>((resolve) => {
      interrupt.signal.addEventListener('abort', () => resolve(null), { once: true });
    });
    const summary = await Promise.race([purge.result(), leaving]);
    if (summary === null) io.err.line(`\n${purge.workflowId} goes on without this process.`);
    return summary;
  } finally {
    clearTimeout(timer);
    interrupt.dispose();
  }
}
