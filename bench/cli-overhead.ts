import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../client/commands/package-root';
import type { RunReport } from '../contracts/run';
import { timed } from './contestants/contestant';
import type { LoadedTable } from './load';
import type { World } from './world';

/** Seconds by which `trueup run --json` takes longer than the run itself: its own start, and noticing the end. */
export async function cliOverhead(world: World, table: LoadedTable): Promise<number> {
  const args = [join(packageRoot(), 'dist', 'client', 'main.js'), 'run', table.name, '--json'];
  const options = { env: { ...world.home.env }, maxBuffer: 64 * 1024 * 1024 };
  // Exit code 1 says that the tables differ, and the report is there all the same.
  const run = promisify(execFile)(process.execPath, args, options).catch((error: { stdout?: string }) => error);
  const { seconds, result } = await timed(() => run);
  const report = JSON.parse(result.stdout ?? '') as RunReport;
  return seconds - (Date.parse(report.endedAt ?? '') - Date.parse(report.startedAt)) / 1_000;
}
