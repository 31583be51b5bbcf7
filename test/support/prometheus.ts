import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../client/embedded/free-port';
import { waitUntil } from '../../client/embedded/wait-until';
import { RunningProcess } from './process';
import { findPrometheus } from './prometheus-tools';

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
