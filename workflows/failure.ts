import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure } from '@temporalio/workflow';
import { isErrorCode, type ErrorCode } from '../contracts/errors';

/** The catalogued failure at the bottom of what a step threw. */
export function catalogued(error: unknown): { readonly code: ErrorCode; readonly message: string } {
  let cause: unknown = error;
  while ((cause instanceof ActivityFailure || cause instanceof ChildWorkflowFailure) && cause.cause)
    cause = cause.cause;
  if (cause instanceof ApplicationFailure && isErrorCode(cause.type)) {
    return { code: cause.type, message: cause.message };
  }
  return { code: 'INTERNAL', message: cause instanceof Error ? cause.message : 'a step failed' };
}

/** Fails a workflow with a code of the catalogue. */
export function failure(code: ErrorCode, message: string): ApplicationFailure {
  return ApplicationFailure.create({ type: code, message, nonRetryable: true });
}
