import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { TrueupError } from '../contracts/errors';

export interface StepContext {
  readonly signal: AbortSignal;
  /** What a retry of this step may read, and what Temporal Web shows of it; names and counts only. */
  report(details: unknown): void;
}

const BEAT_MS = 2_000;
const MOST_TIME_OUTS = 3;
/** A worker that reaches another database gives its step back: soon, as another may take it, and then less and less. */
const GIVEN_BACK_MS = { perAttempt: 100, most: 5_000 };

/**
 * Runs one step of an activity: heartbeats on an interval also while a statement runs, hands on cancellation, and maps
 * what is thrown to a typed failure. A driver's error never travels as a cause: it could quote a row.
 */
export async function step<T>(
  use: (context: StepContext) => Promise<T>,
  ends: 'retry' | 'at once' = 'retry',
): Promise<T> {
  const context = Context.current();
  let details: unknown = undefined;
  const beat = setInterval(() => context.heartbeat(details), BEAT_MS);
  try {
    return await use({
      signal: context.cancellationSignal,
      report: (next) => {
        details = next;
        context.heartbeat(next);
      },
    });
  } catch (error) {
    throw toFailure(error, context, ends);
  } finally {
    clearInterval(beat);
  }
}

/** A statement that takes too long is not likely to be faster the tenth time: the databases are spared the others. */
function isTimedOutAgain({ code }: TrueupError, { info }: Context): boolean {
  return code === 'STATEMENT_TIMEOUT' && info.attempt >= MOST_TIME_OUTS;
}

/** Whatever the step is: that it cannot be done here says nothing of what came of it. */
function givenBack(error: TrueupError, { info, log }: Context): ApplicationFailure {
  log.error('this worker reaches another database than the run was opened with', { reason: error.message });
  return ApplicationFailure.create({
    message: error.message,
    type: error.code,
    nextRetryDelay: Math.min(info.attempt * GIVEN_BACK_MS.perAttempt, GIVEN_BACK_MS.most),
    details: [{ help: error.help }],
  });
}

function toFailure(error: unknown, context: Context, ends: 'retry' | 'at once'): Error {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  if (context.cancellationSignal.aborted) return context.cancellationSignal.reason as Error;
  if (error instanceof TrueupError && error.code === 'WRONG_DATABASE') return givenBack(error, context);
  if (error instanceof TrueupError) {
    return ApplicationFailure.create({
      message: error.message,
      type: error.code,
      nonRetryable: ends === 'at once' || !error.retryable || isTimedOutAgain(error, context),
      details: [{ help: error.help }],
    });
  }
  const name = error instanceof Error ? error.name : typeof error;
  // The message may hold anything; the frames say where it came from.
  const frames = error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)) : [];
  context.log.error('unexpected failure', { name, frames });
  return ApplicationFailure.create({ message: `unexpected ${name} in ${context.info.activityType}`, type: 'INTERNAL' });
}
