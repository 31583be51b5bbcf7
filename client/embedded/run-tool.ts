import { execFile } from 'node:child_process';

export interface ToolResult {
  readonly ok: boolean;
  readonly stdout: string;
  /** One line that says why it failed; empty when it did not. */
  readonly reason: string;
}

/** Runs a short-lived program to its end, at most `timeoutMs`; reports a failure rather than throwing it. */
export function runTool(
  command: string,
  args: readonly string[],
  timeoutMs: number,
  place: { readonly cwd?: string; readonly uid?: number; readonly gid?: number } = {},
): Promise<ToolResult> {
  return new Promise((resolve) => {
    const options = { ...place, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 * 1024 } as const;
    execFile(command, args, options, (error, stdout, stderr) => {
      if (error === null) return resolve({ ok: true, stdout, reason: '' });
      const lastLines = stderr.trim().split('\n').slice(-2).join(' ').slice(0, 400);
      if (error.killed) return resolve({ ok: false, stdout, reason: `no end after ${timeoutMs / 1000} s` });
      if (error.code === 'ENOENT') return resolve({ ok: false, stdout, reason: 'not found' });
      resolve({ ok: false, stdout, reason: lastLines === '' ? `exit code ${String(error.code)}` : lastLines });
    });
  });
}
