import { spawn, type ChildProcess } from 'node:child_process';
import { kill } from './kill';

export interface GuardedChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** What ends the child without leaving anything behind when this process dies. */
  readonly deathSignal: 'SIGQUIT' | 'SIGTERM';
  /** A temporary folder that goes with the child when this process dies. */
  readonly temporaryFolder?: string;
}

/**
 * A server that never outlives this process, not even when this process is killed with SIGKILL. It runs in a process
 * group of its own, so that Ctrl-C on the terminal reaches us first and we can shut down in order.
 */
export class GuardedChild {
  readonly pid: number;
  /** Resolves with how the child ended, such as `exit code 1` or `signal SIGKILL`. */
  readonly exited: Promise<string>;
  #child: ChildProcess;
  #hasExited = false;
  #output = '';

  private constructor(child: ChildProcess, pid: number, guard: ChildProcess) {
    this.#child = child;
    this.pid = pid;
    const keep = (chunk: Buffer) => (this.#output = (this.#output + chunk.toString()).slice(-16_384));
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#hasExited = true;
        running.delete(this);
        guard.kill('SIGKILL');
        resolve(signal === null ? `exit code ${code ?? '?'}` : `signal ${signal}`);
      });
    });
  }

  static async start(options: GuardedChildOptions): Promise<GuardedChild> {
    const { command, args, env, cwd, uid, gid, deathSignal, temporaryFolder } = options;
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: env ?? process.env,
      ...(cwd === undefined ? {} : { cwd }),
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    if (child.pid === undefined) throw new Error(`${command} got no process id`);
    child.on('error', () => undefined);
    const started = new GuardedChild(child, child.pid, startGuard(child.pid, deathSignal, temporaryFolder ?? ''));
    started.#holdEventLoop(false);
    running.set(started, deathSignal);
    return started;
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** The last lines that the child wrote to stdout and stderr. */
  outputEnd(lines = 15): string {
    return this.#output.trimEnd().split('\n').slice(-lines).join('\n');
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.#hasExited) kill(this.pid, signal);
  }

  /** Sends `signal`, after `graceMs` SIGKILL, and returns when the child is gone. */
  async stop(signal: NodeJS.Signals, graceMs: number): Promise<void> {
    if (this.#hasExited) return;
    this.#holdEventLoop(true);
    this.signal(signal);
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs);
    await this.exited;
    clearTimeout(timer);
  }

  /** A server that nobody stops must not keep the process from ending; waiting for its end must. */
  #holdEventLoop(hold: boolean): void {
    const change = hold ? 'ref' : 'unref';
    this.#child[change]();
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      (stream as unknown as { ref(): void; unref(): void } | null)?.[change]();
    }
  }
}

const running = new Map<GuardedChild, NodeJS.Signals>();

process.on('exit', () => {
  for (const [child, signal] of running) child.signal(signal);
});

/** $1: pid, $2: signal, $3: folder to remove or empty. Sleeps on a pipe that closes when this process is gone. */
const GUARD_SCRIPT = `
read -r _
kill -s "$2" "$1" 2>/dev/null
n=0
while kill -0 "$1" 2>/dev/null && [ "$n" -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
kill -s KILL "$1" 2>/dev/null
if [ -n "$3" ]; then rm -rf -- "$3"; fi
`;

function startGuard(pid: number, signal: NodeJS.Signals, folder: string): ChildProcess {
  const args = ['-c', GUARD_SCRIPT, 'trueup-guard', String(pid), signal.replace('SIG', ''), folder];
  const guard = spawn('/bin/sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true, cwd: '/' });
  guard.on('error', () => undefined);
  guard.unref();
  (guard.stdin as unknown as { unref(): void } | null)?.unref();
  return guard;
}
