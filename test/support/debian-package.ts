import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from '../../client/embedded/run-tool';
import { toolFolder } from '../../client/embedded/tool-folder';

const APT_LIMIT_MS = 300_000;

/** A tool that Debian has in a package. */
export interface DebianTool<Tool> {
  /** As messages call it. */
  readonly title: string;
  /** What has to be on PATH for it to be taken from there. */
  readonly programs: string;
  /** Its package, and those with libraries that a plain system lacks. */
  readonly packages: readonly string[];
  /** The tool in a folder of unpacked packages; null: as PATH has it. */
  at(folder: string | null): Tool;
  runs(tool: Tool): boolean;
}

/**
 * A tool from PATH, from an earlier download, or out of Debian's packages, which are unpacked into the folder of our tools.
 * Needs no root, and changes nothing outside that folder.
 */
export async function findDebianTool<Tool>(wanted: DebianTool<Tool>): Promise<Tool> {
  const onPath = wanted.at(null);
  if (wanted.runs(onPath)) return onPath;
  const home = join(toolFolder(), 'tools', `${wanted.packages[0] ?? ''}-debian`);
  // Asked anew each time: what a tool needs may be looked up in the folder.
  const ours = () => wanted.at(home);
  if (wanted.runs(ours())) return ours();
  mkdirSync(join(home, '..'), { recursive: true });
  const staging = mkdtempSync(`${home}.`);
  try {
    await unpackDebian(wanted, staging);
    try {
      renameSync(join(staging, 'package'), home);
    } catch (error) {
      // Another process was faster, and made the same; something unusable gives way.
      if (!wanted.runs(ours())) {
        if (!existsSync(home)) throw error;
        rmSync(home, { recursive: true, force: true });
        renameSync(join(staging, 'package'), home);
      }
    }
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  if (wanted.runs(ours())) return ours();
  throw new Error(`Debian's ${wanted.title} in ${home} does not run; put ${wanted.programs} on PATH`);
}

/** Unpacks Debian's packages. Lists and caches of apt are made in the folder: those of the system may be missing, or belong to root. */
export async function unpackDebian(
  { title, programs, packages }: Pick<DebianTool<unknown>, 'title' | 'programs' | 'packages'>,
  folder: string,
  aptGet = 'apt-get',
): Promise<void> {
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
      `no ${title}: put ${programs} on PATH, or mend apt: ${command} ${args.at(-1) ?? ''}: ${result.reason}`,
    );
  };
  await run(aptGet, [...options, '-qq', 'update']);
  await run(aptGet, [...options, '-qq', 'download', ...packages]);
  const files = readdirSync(folder).filter((name) => name.endsWith('.deb'));
  if (files.length !== packages.length) throw new Error(`no ${title}: apt downloaded ${files.length} packages`);
  for (const file of files) await run('dpkg-deb', ['-x', file, join(folder, 'package')]);
}
