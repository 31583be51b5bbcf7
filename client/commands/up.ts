import type { Command } from 'commander';
import { TrueupError } from '../../contracts/errors';
import { EXIT, type ExitCode } from '../../contracts/exit-code';
import { exportLines } from '../demo/home';
import { Cleanup, orAborted, Steps } from '../demo/steps';
import { startWorker } from '../demo/worker-child';
import { startStack } from '../embedded/stack';
import type { Runner } from './command';
import type { Context } from './context';
import { onInterrupt } from './interrupt';

const HELP = `
Without a config, or without a variable that it names, only the servers are started. What is needed to use them from another terminal is printed. Nothing is
kept when it ends, unless --folder says where.

Examples:
  trueup up
  trueup up --folder .trueup`;

export function addUp(program: Command, runner: Runner): void {
  program
    .command('up')
    .summary('the embedded stack and a worker, until stopped')
    .description('Start an embedded Temporal and PostgreSQL, and a worker for the config, until stopped.')
    .option('--folder <path>', 'keep databases and workflows here for the next start')
    .addHelpText('after', HELP)
    .action(runner.action((context, options: { folder?: string }) => up(context, options.folder)));
}

async function up(context: Context, folder: string | undefined): Promise<ExitCode> {
  const { io } = context;
  const noWorker = whyNoWorker(context);
  const interrupt = onInterrupt();
  const { signal } = interrupt;
  const cleanup = new Cleanup();
  const steps = new Steps(io);
  try {
    let onTemporalExit: (how: string) => void = () => undefined;
    const temporalGone = new Promise<never>((_, reject) => {
      onTemporalExit = (how) => reject(new TrueupError('TEMPORAL_UNREACHABLE', `the embedded Temporal ended: ${how}`));
    });
    temporalGone.catch(() => undefined);
    const stack = await steps.step('Temporal and PostgreSQL are up', async () => {
      const starting = startStack({
        onStep: (line) => steps.note(line),
        onTemporalExit: (how) => onTemporalExit(how),
        ...(folder === undefined ? {} : { folder }),
      });
      cleanup.add(async () => (await starting.catch(() => null))?.stop());
      return await orAborted(signal, starting);
    });
    const exports = { TEMPORAL_ADDRESS: stack.temporal.address, TRUEUP_TEMPORAL_UI: stack.temporal.uiUrl };
    const gone = [temporalGone];
    if (noWorker === null) {
      const worker = await steps.step('A worker is ready', () =>
        startWorker({ ...io.env, ...exports, TRUEUP_CONFIG: context.config.path }, signal),
      );
      cleanup.add(() => worker.stop());
      gone.push(
        worker.exited.then((how) => {
          throw new TrueupError('INTERNAL', `the worker ended: ${how}\n${worker.logEnd()}`, { retryable: false });
        }),
      );
    } else {
      io.out.line(`  ${noWorker} Start one later with \`trueup worker\`.`);
    }
    io.out.line(`Temporal Web: ${stack.temporal.uiUrl}`);
    io.out.line(`PostgreSQL:   ${stack.postgres.url()}`);
    io.out.line('From another terminal:');
    exportLines(exports).forEach((line) => io.out.line(line));
    io.out.line('Ctrl-C stops everything.');
    const alive = setInterval(() => undefined, 60_000);
    cleanup.add(() => Promise.resolve(clearInterval(alive)));
    await orAborted(signal, Promise.race(gone));
    return EXIT.ok;
  } catch (error) {
    if (!signal.aborted) throw error;
    return EXIT.ok;
  } finally {
    await cleanup.run();
    interrupt.dispose();
  }
}

/**
 * Why no worker can be started, or null. A config that nobody named may be missing, and a variable may be one that
 * these very servers give a value to; anything else that is wrong with the config ends the command.
 */
function whyNoWorker(context: Context): string | null {
  try {
    const { config } = context;
    for (const name of config.connectionNames) config.connectionUrl(name);
    return null;
  } catch (error) {
    if (!(error instanceof TrueupError)) throw error;
    const named = context.configPath !== undefined || Boolean(context.io.env.TRUEUP_CONFIG);
    if (error.code === 'CONFIG_ENV_MISSING') return `No worker: ${error.message}.`;
    if (error.code === 'CONFIG_NOT_FOUND' && !named)
      return 'No worker, as there is no config: `trueup init` makes one.';
    throw error;
  }
}
