import type { Command } from 'commander';
import { runDemo } from '../demo/demo';
import type { Runner } from './command';
import { onInterrupt } from './interrupt';
import { positiveNumber } from './number-option';

interface DemoFlags {
  readonly yes?: true;
  readonly keep?: true;
  readonly scale: number;
}

const HELP = `
Starts a Temporal dev server and a PostgreSQL of its own, fills two databases that disagree, reconciles them, stops at
the approval, and after it applies, verifies and checks the outcome by SQL of its own. Nothing is left behind.

Exit codes: 0 all is mended, 1 it is not, 3 nobody decided on the plan, 4 failed or stopped.

Examples:
  trueup demo
  trueup demo --yes            approve by itself
  trueup demo --yes --keep     leave all up for a look at Temporal Web, until Ctrl-C`;

export function addDemo(program: Command, runner: Runner): void {
  program
    .command('demo')
    .summary('see it work, with nothing to set up')
    .description('See Trueup work on two databases that disagree, with nothing to set up.')
    .option('--yes', 'approve the plan without asking')
    .option('--keep', 'leave everything up until Ctrl-C')
    .option('--scale <n>', 'size of the databases; 1 is about 560,000 rows each', positiveNumber, 1)
    .addHelpText('after', HELP)
    .action(
      runner.action(async ({ io }, { yes, keep, scale }: DemoFlags) => {
        const interrupt = onInterrupt();
        try {
          return await runDemo(io, { yes: yes === true, keep: keep === true, scale }, interrupt.signal);
        } finally {
          interrupt.dispose();
        }
      }),
    );
}
