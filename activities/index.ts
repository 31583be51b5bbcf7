import { aggregateTable } from './aggregate';
import * as check from './check';
import * as close from './close-run';
import * as compare from './compare';
import * as correct from './correct';
import { withHeld } from './held-resources';
import * as job from './job';
import { endLostRuns } from './lost-runs';
import { openRun, type OpenRunInput } from './open-run';
import { planUndo } from './plan-undo';
import * as purge from './purge';
import type { Resources } from './resources';
import * as review from './review';
import { countCandidates, settleCandidates } from './settle';
import { step, type StepContext } from './step';
import { watchThrottle } from './throttle';
import { applyTogether } from './together';
import * as undo from './undo';
import { verifyTable } from './verify';

/** Every activity of a worker. Each takes one object of names, IDs and ranges, and returns counts and digests. */
export function createActivities(resources: Resources) {
  const retried =
    <I, O>(use: (resources: Resources, input: I, context: StepContext) => Promise<O>) =>
    (input: I) =>
      step((context) => withHeld(resources, input, (held, own) => use(held, own, context)));
  const once =
    <I, O>(use: (resources: Resources, input: I, context: StepContext) => Promise<O>) =>
    (input: I) =>
      step((context) => withHeld(resources, input, (held, own) => use(held, own, context)), 'at once');
  const named =
    <I, O>(use: (resources: Resources, input: I, context: StepContext) => Promise<O>) =>
    (input: I) =>
      step((context) => withHeld(resources, input, (held, own) => use(held, own, context), true));
  return {
    openRun: once<OpenRunInput, Awaited<ReturnType<typeof openRun>>>(openRun),
    planChunks: retried(compare.planChunks),
    compareChunks: retried(compare.compareChunks),
    failSpan: retried(compare.failSpan),
    countCandidates: retried(countCandidates),
    settleCandidates: retried(settleCandidates),
    aggregateTable: retried(aggregateTable),
    readCheck: retried(check.readCheck),
    endCheck: retried(check.endCheck),
    closeTable: retried(check.closeTable),
    recheck: retried(check.recheck),
    readJob: retried(job.readJob),
    logAlert: retried(job.logAlert),
    sendAlert: retried(job.sendAlert),
    watchThrottle: retried(watchThrottle),
    freezePlan: retried(correct.freezePlan),
    recordDryRun: retried(correct.recordDryRun),
    rejectPlan: retried(correct.rejectPlan),
    leaveOut: retried(correct.leaveOut),
    confirmPlan: retried(correct.confirmPlan),
    applyStep: retried(correct.applyStep),
    applyTogether: retried(applyTogether),
    resolveApplied: retried(correct.resolveApplied),
    verifyTable: retried(verifyTable),
    openGate: retried(close.openGate),
    setStatus: retried(close.setStatus),
    recordDecision: retried(close.recordDecision),
    recordLateDecision: named(close.recordLateDecision),
    endRun: retried(close.endRun),
    planPurge: once(purge.planPurge),
    beginPurge: retried(purge.beginPurge),
    dropPurged: retried(purge.dropPurged),
    endPurge: retried(purge.endPurge),
    endLostRuns: retried(endLostRuns),
    openUndo: once(undo.openUndo),
    planUndo: retried(planUndo),
    verifyUndo: retried(undo.verifyUndo),
    resolveUndo: retried(undo.resolveUndo),
    openReview: retried(review.openReview),
    closeReview: retried(review.closeReview),
    releaseReviews: retried(review.releaseReviews),
  };
}

export type Activities = ReturnType<typeof createActivities>;
