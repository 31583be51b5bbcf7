import { randomBytes } from 'node:crypto';
import { userInfo } from 'node:os';
import { WORKFLOW_ID_PREFIX } from '../../contracts/names';

const random = () => randomBytes(2).toString('hex');

/** `trueup-20260301-120005-9f3c`, in UTC. */
export function reconcileId(now = new Date()): string {
  return `${WORKFLOW_ID_PREFIX}${digitsOf(now)}-${random()}`;
}

/** `trueup-review-20260301-120005-9f3c`, in UTC. */
export function reviewId(now = new Date()): string {
  return `${WORKFLOW_ID_PREFIX}review-${digitsOf(now)}-${random()}`;
}

function digitsOf(time: Date): string {
  const digits = time.toISOString().replace(/\D/g, '');
  return `${digits.slice(0, 8)}-${digits.slice(8, 14)}`;
}

export function undoId(runId: string): string {
  return `${WORKFLOW_ID_PREFIX}undo-${runId.startsWith(WORKFLOW_ID_PREFIX) ? runId.slice(WORKFLOW_ID_PREFIX.length) : runId}-${random()}`;
}

export function purgeId(now = new Date()): string {
  return `${WORKFLOW_ID_PREFIX}purge-${digitsOf(now)}-${random()}`;
}

export function lateDecisionId(runId: string): string {
  return `${WORKFLOW_ID_PREFIX}late-decision-${runId}-${random()}`;
}

/** The operating system's name for who runs this process. */
export function osUser(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

/** Who requests a run: the same name as who approves it, or nobody could tell that they are one. */
export function requester(): string {
  return osUser();
}
