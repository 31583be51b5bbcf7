import { execFileSync } from 'node:child_process';
import { arch, cpus, release, totalmem, type } from 'node:os';
import { packageRoot, packageVersion } from '../client/commands/package-root';
import { onSession, type Urls } from './load';

/** What the figures were measured on and with. */
export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  readonly postgres: string;
  readonly temporal: string;
  /** Version and commit, with a `+` where the checkout held changes beside. */
  readonly trueup: string;
  readonly reladiff: string | null;
}

export async function describeMachine(urls: Urls, cli: string, reladiff: string | null): Promise<Machine> {
  const postgres = await onSession(urls.source, async (client) => {
    const { rows } = await client.query<{ server_version: string }>('show server_version');
    return rows[0]?.server_version ?? '?';
  });
  const cores = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cores[0]?.model.trim() ?? '?',
    cores: cores.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()} ${arch()}`,
    node: process.versions.node,
    postgres,
    temporal: firstLine(cli, ['--version']),
    trueup: [packageVersion(), commit()].filter((part) => part !== '').join(' '),
    reladiff,
  };
}

export function machineLines(machine: Machine): readonly string[] {
  const { date, cpu, cores, memoryGb, system, node, postgres, temporal, trueup, reladiff } = machine;
  return [
    `${date}: ${cores} × ${cpu}, ${memoryGb} GB, ${system}.`,
    `Trueup ${trueup}, Node.js ${node}, PostgreSQL ${postgres}, ${temporal}${reladiff === null ? '' : `, reladiff ${reladiff}`}.`,
  ];
}

function commit(): string {
  const git = (...args: readonly string[]) => firstLine('git', ['-C', packageRoot(), ...args]);
  const head = git('rev-parse', '--short', 'HEAD');
  return head === '' ? '' : `${head}${git('status', '--porcelain') === '' ? '' : '+'}`;
}

function firstLine(command: string, args: readonly string[]): string {
  try {
    const output = execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return output.split('\n')[0]?.trim() ?? '';
  } catch {
    return '';
  }
}
