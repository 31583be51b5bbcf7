import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../client/embedded/free-port';
import { runTool } from '../../client/embedded/run-tool';
import { toolFolder } from '../../client/embedded/tool-folder';
import { waitUntil } from '../../client/embedded/wait-until';
import { RunningProcess } from './process';

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
    await unpack(staging);
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

/** Lists and caches of apt are made in the folder: those of the system may be missing, or belong to root. */
async function unpack(folder: string): Promise<void> {
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
  await run('apt-get', [...options, '-qq', 'update']);
  await run('apt-get', [...options, '-qq', 'download', 'prometheus']);
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

/** One series of an answer. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A real Prometheus server of the test's own, which scrapes every second. */
export class PrometheusServer {
  private constructor(
    readonly url: string,
    private readonly process: RunningProcess,
    private readonly folder: string,
  ) {}

  /** @param config Prometheus' config, as YAML; it is JSON too. */
  static async start(config: object): Promise<PrometheusServer> {
    const { prometheus } = await findPrometheus();
    const folder = mkdtempSync(join(tmpdir(), 'trueup-prometheus-'));
    const file = join(folder, 'prometheus.yml');
    writeFileSync(file, JSON.stringify(config));
    const address = `127.0.0.1:${await freePort()}`;
    const args = [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
      '--log.level=warn',
    ];
    const running = new RunningProcess(spawn(prometheus, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] }));
    const server = new PrometheusServer(`http://${address}`, running, folder);
    const isReady = async () => (await fetch(`${server.url}/-/ready`).catch(() => null))?.ok === true;
    if (await waitUntil(isReady, { timeoutMs: 60_000, everyMs: 50 })) return server;
    await server.stop();
    throw new Error(`Prometheus did not become ready:\n${running.stdout}\n${running.stderr}`);
  }

  /** Evaluates an expression now; throws when it does not parse. */
  async query(expression: string): Promise<readonly Series[]> {
    const { result } = (await this.get('query', { query: expression })) as {
      result: readonly { metric: Record<string, string>; value: readonly [number, string] }[];
    };
    return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  /** Repeats a query until what it answers is so, and returns that; throws what it answered last. */
  async until(expression: string, is: (series: readonly Series[]) => boolean): Promise<readonly Series[]> {
    let series: readonly Series[] = [];
    const isSo = async () => is((series = await this.query(expression)));
    if (await waitUntil(isSo, { timeoutMs: 60_000, everyMs: 200 })) return series;
    throw new Error(`${expression} still answers ${JSON.stringify(series)}`);
  }

  async get(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<unknown> {
    const answer = await fetch(`${this.url}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`);
    const { status, data, error } = (await answer.json()) as { status: string; data: unknown; error?: string };
    if (status === 'success') return data;
    throw new Error(`${path} ${JSON.stringify(parameters)}: ${error ?? status}`);
  }

  async stop(): Promise<void> {
    await this.process.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
