import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from '../../client/embedded/run-tool';
import { toolFolder } from '../../client/embedded/tool-folder';

export interface PrometheusTools {
  readonly prometheus: string;
  readonly promtool: string;
}

const APT_LIMIT_MS = 300_000;

/**
 * Prometheus and promtool: from PATH, from an earlier download, or out of Debian's package, which is unpacked into the
 * folder of our tools. Needs no root, and changes nothing outside that folder.
 */
export async function findPrometheus(): Promise<PrometheusTools> {
  const onPath = toolsIn('');
  if (runs(onPath)) return onPath;
  const home = join(toolFolder(), 'tools', 'prometheus-debian');
  const ours = toolsIn(join(home, 'usr', 'bin'));
  if (runs(ours)) return ours;
  mkdirSync(join(home, '..'), { recursive: true });
  const staging = mkdtempSync(`${home}.`);
  try {
    await unpackPrometheus(staging);
    try {
      renameSync(join(staging, 'package'), home);
    } catch (error) {
      // Another process was faster, and made the same; something unusable gives way.
      if (!runs(ours)) {
        if (!existsSync(home)) throw error;
        rmSync(home, { recursive: true, force: true });
        renameSync(join(staging, 'package'), home);
      }
    }
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  if (runs(ours)) return ours;
  throw new Error(`Debian's Prometheus in ${home} does not run; put prometheus and promtool on PATH`);
}

/** Unpacks Debian's package. Lists and caches of apt are made in the folder: those of the system may be missing, or belong to root. */
export async function unpackPrometheus(folder: string, aptGet = 'apt-get'): Promise<void> {
  for (const path of ['state/lists/partial', 'cache/archives/partial'])
    mkdirSync(join(folder, path), { recursive: true });
  const options = Object.entries({
    'Dir::State': join(folder, 'state'),
    'Dir::State::status': '/var/lib/dpkg/status',
    'Dir::Cache': join(folder, 'cache'),
    'APT::Sandbox::User': 'root',
    'Acquire::Retries': '3',
  }).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const run = async (command: string, args: readonly string[]) => {
    const result = await runTool(command, args, APT_LIMIT_MS, { cwd: folder });
    if (result.ok) return;
    throw new Error(
      `no Prometheus: put prometheus and promtool on PATH, or mend apt: ${command} ${args.at(-1) ?? ''}: ${result.reason}`,
    );
  };
  await run(aptGet, [...options, '-qq', 'update']);
  await run(aptGet, [...options, '-qq', 'download', 'prometheus']);
  const [deb] = readdirSync(folder).filter((name) => name.endsWith('.deb'));
  if (deb === undefined) throw new Error('no Prometheus: apt downloaded no package');
  await run('dpkg-deb', ['-x', deb, join(folder, 'package')]);
}

function toolsIn(folder: string): PrometheusTools {
  return { prometheus: join(folder, 'prometheus'), promtool: join(folder, 'promtool') };
}

function runs({ prometheus, promtool }: PrometheusTools): boolean {
  return [prometheus, promtool].every((path) => spawnSync(path, ['--version']).status === 0);
}
