export { businessLogicValidation, comprehensiveReconciliation, deepValidation, quickReconciliation } from './job';
export { lateDecision } from './late-decision';
export { reconcile } from './reconcile';
export { reconcileTable } from './reconcile-table';
export { resolveReviews } from './review';
export { purge } from './purge';
export { undo } from './undo';
