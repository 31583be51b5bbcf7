import type { RunStatus } from './run';

export const EXIT = { ok: 0, inconsistent: 1, usage: 2, awaitingApproval: 3, failed: 4 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The exit code for a run's status; `remaining` is the number of differences that the run leaves in the target. */
export function exitCodeOf(status: RunStatus, remaining: number): ExitCode {
  switch (status) {
    case 'running':
      return EXIT.ok;
    case 'consistent':
    case 'applied':
      return remaining > 0 ? EXIT.inconsistent : EXIT.ok;
    case 'inconsistent':
    case 'rejected':
    case 'expired':
      return EXIT.inconsistent;
    case 'awaiting_approval':
      return EXIT.awaitingApproval;
    case 'incomplete':
    case 'failed':
    case 'cancelled':
      return EXIT.failed;
  }
}
