import { ApplicationFailure, isGrpcServiceError, ServiceError, WorkflowFailedError } from '@temporalio/client';
import { isErrorCode, TrueupError } from '../../contracts/errors';

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** gRPC status codes that mean that the request was understood and refused: the server is reachable. */
const REFUSED: Readonly<Record<number, string>> = { 3: 'INVALID_ARGUMENT', 5: 'NOT_FOUND', 6: 'ALREADY_EXISTS' };
const [PERMISSION_DENIED, UNAUTHENTICATED] = [7, 16];

/** What the client's library throws, as a failure of the catalogue. `what` names what was being done. */
export function temporalFailure(error: unknown, what: string): TrueupError {
  if (error instanceof TrueupError) return error;
  const grpc = grpcOf(error);
  if (grpc === null) return new TrueupError('TEMPORAL_UNREACHABLE', `${what} (${messageOf(error)})`);
  const details = grpc.details === '' ? '' : ` (${grpc.details})`;
  if (grpc.code === PERMISSION_DENIED || grpc.code === UNAUTHENTICATED) {
    return new TrueupError('TEMPORAL_UNREACHABLE', `${what}: the server does not accept the credentials${details}`, {
      retryable: false,
    });
  }
  const refused = REFUSED[grpc.code] !== undefined;
  return new TrueupError('TEMPORAL_UNREACHABLE', `${what}${details}`, { retryable: !refused });
}

function grpcOf(error: unknown): { readonly code: number; readonly details: string } | null {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (isGrpcServiceError(cause)) return { code: cause.code, details: cause.details };
    if (!(cause instanceof ServiceError) && cause.cause === undefined) return null;
  }
  return null;
}

/** The typed failure that a workflow or an update ended with, however deep it is wrapped; null when it has none. */
export function typedFailure(error: unknown): TrueupError | null {
  let found: TrueupError | null = null;
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof ApplicationFailure && isErrorCode(cause.type))
      found = new TrueupError(cause.type, cause.message);
  }
  return found;
}

/** The innermost message of a failed workflow: the one that says what happened. */
export function rootMessage(error: unknown): string {
  let message = messageOf(error);
  let cause: unknown = error instanceof WorkflowFailedError ? error.cause : error;
  while (cause instanceof Error) {
    message = cause.message;
    cause = cause.cause;
  }
  return message;
}
