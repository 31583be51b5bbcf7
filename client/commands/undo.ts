import type { Command } from 'commander';
import { TrueupError } from '../../contracts/errors';
import { EXIT, type ExitCode } from '../../contracts/exit-code';
import { progressView, SILENT_VIEW } from '../render/progress-view';
import { requester } from '../temporal/ids';
import { startUndo } from '../temporal/start';
import type { Runner } from './command';
import type { Context } from './context';
import { endedReport, printReport } from './ended';
import { followRun } from './follow';
import { onInterrupt } from './interrupt';
import { knownReport } from './lookup';

const HELP = `
Every row that the run changed is given back as it was, unless it has changed again since: then it is left alone and
counted as SKIPPED_STALE.

Exit codes: 0 everything given back, 1 some rows were not, 2 no such run or not one to undo, 4 failed.

Example:
  trueup undo trueup-20260301-120005-9f3c`;

export function addUndo(program: Command, runner: Runner): void {
  program
    .command('undo')
    .summary('give back every row that a run changed')
    .description('Undo a run: give the target back every row that the run changed, from the before-images.')
    .argument('<run>', 'run ID or workflow ID')
    .option('--json', 'print one JSON report and nothing else')
    .addHelpText('after', HELP)
    .action(
      runner.action((context, ref: string, options: { json?: true }) => undo(context, ref, options.json === true)),
    );
}

async function undo(context: Context, ref: string, json: boolean): Promise<ExitCode> {
  const { io } = context;
  const undone = await knownReport(context, ref);
  if (undone.kind === 'undo') throw new TrueupError('RUN_NOT_UNDOABLE', `${undone.runId} is itself an undo`);
  const handle = await startUndo(await context.temporal(), { runId: undone.runId, requestedBy: requester() });
  if (!json) {
    io.out.line(`Undo ${io.colors.bold(handle.workflowId)} of run ${undone.runId} started.`);
    const link = await context.webLink(handle.workflowId);
    if (link !== null) io.out.line(`  Temporal Web: ${link}`);
  }
  const interrupt = onInterrupt();
  const view = json ? SILENT_VIEW : progressView(io.out);
  try {
    const end = await followRun(handle, view, interrupt.signal).finally(() => view.stop());
    if (end.kind === 'closed') return printReport(context, await endedReport(context, handle, end.description), json);
    io.err.line(`\nThe undo goes on without this process. Return to it:\n  trueup status ${handle.workflowId}`);
    return EXIT.ok;
  } finally {
    interrupt.dispose();
  }
}
