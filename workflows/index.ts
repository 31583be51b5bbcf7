export { lateDecision } from './late-decision';
export { reconcile } from './reconcile';
export { reconcileTable } from './reconcile-table';
export { undo } from './undo';
