import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runTool } from '../client/embedded/run-tool';
import { toolFolder } from '../client/embedded/tool-folder';

/** What the bench compares with; pinned, so that figures of two days are of the same program. */
export const RELADIFF_VERSION = '0.6.0';
const PACKAGES = [`reladiff==${RELADIFF_VERSION}`, 'sqeleton==0.1.7', 'psycopg2-binary==2.9.13'];
const INSTALL_LIMIT_MS = 300_000;

/**
 * Path of a Python that has reladiff, in a virtual environment of Trueup's own; made at the first use. Throws with the
 * reason when it cannot be made.
 */
export async function reladiffPython(onStep: (line: string) => void): Promise<string> {
  const home = join(toolFolder(), 'tools', `reladiff-${RELADIFF_VERSION}`);
  const python = join(home, 'bin', 'python');
  if (existsSync(python)) return python;
  onStep(`Installing reladiff ${RELADIFF_VERSION} in ${home} (once) …`);
  mkdirSync(dirname(home), { recursive: true });
  const staging = mkdtempSync(`${home}.`);
  try {
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input', ...PACKAGES];
    await run('python3', ['-m', 'venv', staging]);
    await run(join(staging, 'bin', 'python'), pip);
    // A virtual environment is found by where its python lies: it can be moved, and nobody sees half of it.
    renameSync(staging, home);
  } catch (error) {
    if (!existsSync(python)) throw error;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  return python;
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const { ok, reason } = await runTool(command, args, INSTALL_LIMIT_MS);
  if (!ok) throw new Error(`reladiff cannot be installed (${reason}): run with --without reladiff`);
}
