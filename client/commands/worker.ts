import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { TrueupError } from '../../contracts/errors';
import type { Runner } from './command';
import type { Context } from './context';
import { workerPath } from './package-root';

const HELP = `
The worker is where the comparing is done: it needs the config and every variable that the config names. It logs JSON
lines on stderr. Run as many as you like, on as many machines; Ctrl-C lets the work in hand finish first.

Example:
  LEGACY_URL=postgres://… MODERN_URL=postgres://… trueup worker --config trueup.yaml`;

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

export function addWorker(program: Command, runner: Runner): void {
  program
    .command('worker')
    .summary('a worker for the configured Temporal and databases')
    .description('Run a worker for the configured Temporal and databases, until stopped.')
    .addHelpText('after', HELP)
    .action(runner.action((context) => runWorker(context)));
}

async function runWorker(context: Context): Promise<number> {
  const path = workerPath();
  if (!existsSync(path)) throw new TrueupError('INTERNAL', `${path} is missing: run \`npm run build\``);
  // Told here, where a person reads it, rather than in the worker's log.
  void context.config;
  const args = ['--require', join(__dirname, 'end-with-parent.js'), path];
  if (context.configPath !== undefined) args.push('--config', context.configPath);
  const child = spawn(process.execPath, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'], env: process.env });
  // On a terminal Ctrl-C reaches the child by itself.
  const signals = FORWARDED.filter((signal) => signal === 'SIGTERM' || process.stdin.isTTY !== true);
  const forward = FORWARDED.map((signal) => {
    const handler = () => void (signals.includes(signal) && child.kill(signal));
    process.on(signal, handler);
    return () => process.off(signal, handler);
  });
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  } finally {
    forward.forEach((stop) => stop());
  }
}
