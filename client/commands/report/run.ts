import type { Command } from 'commander';
import { readTally } from '../../../ledger/daily';
import { runDocument } from '../../render/report/run';
import type { Runner } from '../command';
import type { Context } from '../context';
import { knownReport } from '../lookup';
import { addPrintOptions, printReport, type PrintOptions } from './print';

const HELP = `
Examples:
  trueup report run RUN
  trueup report run RUN --html run.html`;

export function addRunReport(report: Command, runner: Runner): void {
  addPrintOptions(report.command('run'))
    .summary('what one run found and corrected')
    .description('What one run found and corrected.')
    .argument('<run>', 'run ID or workflow ID')
    .addHelpText('after', HELP)
    .action(runner.action((context, ref: string, options: PrintOptions) => runReport(context, ref, options)));
}

async function runReport(context: Context, ref: string, options: PrintOptions) {
  const run = await knownReport(context, ref);
  const tally = await readTally(context.ledger, { runId: run.runId });
  return printReport(context.io, options, { run, ...tally }, runDocument(run, tally));
}
