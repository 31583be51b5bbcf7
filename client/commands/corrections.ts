import { Option, type Command } from 'commander';
import { CORRECTION_STATUSES, type CorrectionStatus } from '../../contracts/correction';
import { EXIT, type ExitCode } from '../../contracts/exit-code';
import { streamCorrections } from '../../ledger/correction';
import { correctionJson, correctionLine } from '../render/correction-line';
import { plural } from '../render/text';
import type { Runner } from './command';
import type { Context } from './context';
import { knownReport } from './lookup';

interface CorrectionsOptions {
  readonly json?: true;
  readonly table?: string;
  readonly status?: readonly CorrectionStatus[];
}

const HELP = `
Each line has the number of the correction, by which \`trueup undo RUN --correction\` takes it back, and why it was not
made, where it was not. With --json it has the whole row before and what was written, too.

Examples:
  trueup corrections RUN
  trueup corrections RUN --status SKIPPED_STALE FAILED
  trueup corrections RUN --table orders --json > corrections.jsonl`;

export function addCorrections(program: Command, runner: Runner): void {
  program
    .command('corrections')
    .summary('every correction that a run made or left out')
    .description('Every correction that a run or an undo attempted, and what came of it, one line each.')
    .argument('<run>', 'run ID or workflow ID')
    .option('--table <name>', 'only of this table')
    .addOption(new Option('--status <status...>', 'only what came to this').choices(CORRECTION_STATUSES))
    .option('--json', 'print JSON lines')
    .addHelpText('after', HELP)
    .action(runner.action((context, ref: string, options: CorrectionsOptions) => corrections(context, ref, options)));
}

async function corrections(context: Context, ref: string, options: CorrectionsOptions): Promise<ExitCode> {
  const { runId } = await knownReport(context, ref);
  const { table, status, json } = options;
  const { out } = context.io;
  let n = 0;
  for await (const correction of streamCorrections(context.ledger, runId, { table, statuses: status })) {
    if (out.closed) return EXIT.ok;
    await out.write(`${json ? correctionJson(correction) : correctionLine(correction)}\n`);
    n += 1;
  }
  if (!json) out.line(n === 0 ? 'No corrections.' : plural(n, 'correction'));
  return EXIT.ok;
}
