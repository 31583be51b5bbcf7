import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from './run-tool';
import type { ToolSearch } from './pip-tool';

/** How long the download of some 50 MB may take. */
const DOWNLOAD_LIMIT_MS = 180_000;

/**
 * Starts and stops a dev server through the SDK, which downloads the CLI for it. In a process of its own: the SDK's
 * runtime is one per process, takes over its signals, and its download cannot be cancelled.
 */
const SCRIPT = `
const { TestWorkflowEnvironment } = require(process.argv[1]);
const executable = { type: 'cached-download', downloadDir: process.argv[2], ttl: '3650d' };
TestWorkflowEnvironment.createLocal({ server: { executable } })
  .then((environment) => environment.teardown())
  .then(() => process.exit(0), (error) => { console.error(String(error.message)); process.exit(1); });
`;

/** Lets the Temporal SDK download the CLI into `folder`; needs an internet connection. */
export async function downloadThroughSdk(folder: string): Promise<ToolSearch> {
  const downloads = join(folder, 'downloads');
  mkdirSync(downloads, { recursive: true });
  const before = downloadedCli(downloads);
  if (before !== undefined) return { path: before };
  const sdk = require.resolve('@temporalio/testing');
  const result = await runTool(process.execPath, ['-e', SCRIPT, sdk, downloads], DOWNLOAD_LIMIT_MS);
  const path = downloadedCli(downloads);
  if (path !== undefined && result.ok) return { path };
  return { reason: result.ok ? `nothing was downloaded to ${downloads}` : result.reason };
}

function downloadedCli(downloads: string): string | undefined {
  const name = readdirSync(downloads).find((entry) => /^[a-z-]+-sdk-typescript-[\w.-]*\d(\.exe)?$/.test(entry));
  return name === undefined ? undefined : join(downloads, name);
}
