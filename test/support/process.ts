import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { isAlive, kill } from '../../client/embedded/kill';
import { waitUntil } from '../../client/embedded/wait-until';

export interface Exit {
  /** Null when a signal ended the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SpawnOptions {
  readonly args?: readonly string[];
  /** Set beside this process's own environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Written to the process's stdin, which is then closed. */
  readonly input?: string;
}

const CHECKOUT = join(__dirname, '..', '..');
const started = new Set<RunningProcess>();

/** A real child process: the CLI, a worker, any script. */
export class RunningProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  stdout = '';
  stderr = '';
  #exit: Exit | undefined;

  constructor(child: ChildProcess) {
    this.pid = child.pid ?? 0;
    child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.exited = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        this.#exit = { code, signal, stdout: this.stdout, stderr: this.stderr };
        started.delete(this);
        resolve(this.#exit);
      });
    });
    started.add(this);
  }

  /** Waits until stdout or stderr holds a line that matches, and returns that line. */
  async waitForLine(pattern: RegExp, timeoutMs = 30_000): Promise<string> {
    const find = () => `${this.stdout}\n${this.stderr}`.split('\n').find((line) => pattern.test(line));
    await waitUntil(() => find() !== undefined || this.#exit !== undefined, { timeoutMs, everyMs: 25 });
    const line = find();
    if (line !== undefined) return line;
    const state = this.#exit === undefined ? `after ${timeoutMs} ms` : `before it ended (code ${this.#exit.code})`;
    throw new Error(`no line matched ${String(pattern)} ${state}:\n${this.stdout}\n${this.stderr}`);
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#exit === undefined) kill(this.pid, signal);
  }

  /** Ends the process as a crash would; nothing in it gets to clean up. */
  async kill9(): Promise<Exit> {
    this.signal('SIGKILL');
    return this.exited;
  }

  /** Asks the process to end, and kills it when it does not within `graceMs`. */
  async stop(graceMs = 15_000): Promise<Exit> {
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }
}

/** Runs a Node.js script of the checkout, such as `dist/workers/main.js`, in a process of its own. */
export function spawnNode(script: string, options: SpawnOptions = {}): RunningProcess {
  const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, ...options.env };
  const child = spawn(process.execPath, [join(CHECKOUT, script), ...(options.args ?? [])], {
    cwd: options.cwd ?? CHECKOUT,
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  return new RunningProcess(child);
}

/** Runs `trueup …` as a user would; it builds itself first when its sources have changed. */
export function spawnTrueup(args: readonly string[], options: Omit<SpawnOptions, 'args'> = {}): RunningProcess {
  return spawnNode('bin/trueup.js', { ...options, args });
}

/** Runs `trueup …` to its end. */
export function runTrueup(args: readonly string[], options: Omit<SpawnOptions, 'args'> = {}): Promise<Exit> {
  return spawnTrueup(args, options).exited;
}

/** Waits until none of the processes is left; returns those that are. */
export async function waitUntilGone(pids: readonly number[], timeoutMs = 10_000): Promise<number[]> {
  await waitUntil(() => !pids.some(isAlive), { timeoutMs, everyMs: 25 });
  return pids.filter(isAlive);
}

// A test that leaks a process fails, and the process goes.
afterAll(async () => {
  const leaked = [...started];
  await Promise.all(leaked.map((process) => process.kill9()));
  if (leaked.length > 0) throw new Error(`left running: ${leaked.map(({ pid }) => pid).join(', ')}`);
});
