import { existsSync } from 'node:fs';
import { TrueupError } from '../../contracts/errors';
import { workerPath } from '../commands/package-root';
import { GuardedChild } from '../embedded/guarded-child';
import { waitUntil } from '../embedded/wait-until';

const READY = /"msg":"worker ready"/;
const READY_LIMIT_MS = 60_000;
const STOP_GRACE_MS = 15_000;

export interface WorkerChild {
  readonly pid: number;
  /** Resolves with how the worker ended. */
  readonly exited: Promise<string>;
  /** The last lines of its log. */
  logEnd(): string;
  stop(): Promise<void>;
}

/** Starts a worker process that never outlives this one, and returns when it polls. */
export async function startWorker(env: NodeJS.ProcessEnv, signal?: AbortSignal): Promise<WorkerChild> {
  const path = workerPath();
  if (!existsSync(path)) throw new TrueupError('INTERNAL', `${path} is missing: run \`npm run build\``);
  const child = await GuardedChild.start({
    command: process.execPath,
    args: [path],
    env,
    deathSignal: 'SIGTERM',
  });
  const stop = () => child.stop('SIGTERM', STOP_GRACE_MS);
  const isOver = () => child.hasExited || signal?.aborted === true;
  await waitUntil(() => isOver() || READY.test(child.outputEnd(1_000)), { timeoutMs: READY_LIMIT_MS });
  if (!isOver() && READY.test(child.outputEnd(1_000))) {
    return { pid: child.pid, exited: child.exited, logEnd: () => child.outputEnd(), stop };
  }
  await stop();
  signal?.throwIfAborted();
  throw new TrueupError('INTERNAL', `the worker did not become ready:\n${child.outputEnd()}`, { retryable: false });
}
