import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { TrueupError } from '../../contracts/errors';
import { METRICS_ADDRESS_FORM, parseMetricsAddress } from '../../contracts/metrics-address';
import type { Runner } from './command';
import type { Context } from './context';
import { workerPath } from './package-root';

const HELP = `
The worker is where the comparing is done: it needs the config and every variable that the config names. It logs JSON
lines on stderr. Run as many as you like, on as many machines; Ctrl-C lets the work in hand finish first.

With --metrics, or TRUEUP_METRICS_ADDRESS, it offers metrics for Prometheus at http://HOST:PORT/metrics; port 0 takes any
that is free, and the log says which.

Examples:
  LEGACY_URL=postgres://… MODERN_URL=postgres://… trueup worker --config trueup.yaml
  trueup worker --metrics 127.0.0.1:9464`;

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

export function addWorker(program: Command, runner: Runner): void {
  program
    .command('worker')
    .summary('a worker for the configured Temporal and databases')
    .description('Run a worker for the configured Temporal and databases, until stopped.')
    .option('--metrics <host:port>', 'offer metrics for Prometheus (default: TRUEUP_METRICS_ADDRESS, else none)')
    .addHelpText('after', HELP)
    .action(runner.action((context, options: { readonly metrics?: string }) => runWorker(context, options.metrics)));
}

async function runWorker(context: Context, metrics: string | undefined): Promise<number> {
  const path = workerPath();
  if (!existsSync(path)) throw new TrueupError('INTERNAL', `${path} is missing: run \`npm run build\``);
  // Told here, where a person reads it, rather than in the worker's log.
  void context.config;
  checkAddress('--metrics', metrics);
  checkAddress('TRUEUP_METRICS_ADDRESS', context.io.env.TRUEUP_METRICS_ADDRESS);
  const args = ['--require', join(__dirname, 'end-with-parent.js'), path];
  if (context.configPath !== undefined) args.push('--config', context.configPath);
  if (metrics !== undefined) args.push('--metrics', metrics);
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

function checkAddress(where: string, text: string | undefined): void {
  if (text === undefined || (text === '' && where !== '--metrics') || parseMetricsAddress(text) !== null) return;
  throw new TrueupError(
    'METRICS_ADDRESS_UNUSABLE',
    `${where}: found ${JSON.stringify(text)}, allowed is ${METRICS_ADDRESS_FORM}`,
  );
}
