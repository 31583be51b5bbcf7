import { ERRORS, TrueupError } from '../../contracts/errors';
import type { ExitCode } from '../../contracts/exit-code';
import { messageOf } from '../temporal/failure';
import type { Io } from './io';

/** Prints a failure as `trueup: CODE: message` and what to do; a stack trace only with TRUEUP_DEBUG=1. */
export function printFailure(io: Io, error: unknown): ExitCode {
  const failure =
    error instanceof TrueupError ? error : new TrueupError('INTERNAL', messageOf(error).split('\n', 1)[0] ?? '');
  io.err.line(`trueup: ${failure.code}: ${failure.message}`);
  if (failure.help !== '') io.err.line(`  ${failure.help}`);
  if (io.env.TRUEUP_DEBUG === '1' && error instanceof Error) io.err.line(error.stack);
  return ERRORS[failure.code].exitCode;
}
