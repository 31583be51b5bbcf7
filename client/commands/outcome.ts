import { ERRORS, isErrorCode } from '../../contracts/errors';
import { exitCodeOf, type ExitCode } from '../../contracts/exit-code';
import type { RunReport } from '../../contracts/run';

/** What a run leaves different in the target. */
export function remainingOf(report: RunReport): number {
  return report.remaining;
}

/** The exit code of a run; one that failed for a named reason has that reason's code. */
export function exitCodeOfReport(report: RunReport): ExitCode {
  if (report.status === 'failed' && isErrorCode(report.error?.code)) return ERRORS[report.error.code].exitCode;
  return exitCodeOf(report.status, remainingOf(report));
}
