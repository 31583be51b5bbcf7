/** Public names: people script against these, so none of them changes without a CHANGELOG entry. */

export const TASK_QUEUE = 'trueup';

export const WORKFLOW = {
  reconcile: 'reconcile',
  reconcileTable: 'reconcileTable',
  undo: 'undo',
  lateDecision: 'lateDecision',
  resolveReviews: 'resolveReviews',
  purge: 'purge',
  quickReconciliation: 'quickReconciliation',
  comprehensiveReconciliation: 'comprehensiveReconciliation',
  deepValidation: 'deepValidation',
  businessLogicValidation: 'businessLogicValidation',
} as const;

export const SIGNAL = { approve: 'approve', reject: 'reject' } as const;
export const UPDATE = { decide: 'decide', tune: 'tune', resolveReview: 'resolveReview' } as const;
export const QUERY = { progress: 'progress', plan: 'plan' } as const;

/** Workflow IDs that Trueup chooses start with this. */
export const WORKFLOW_ID_PREFIX = 'trueup-';

/** Search attributes, registered by set-up and by every worker at its start. */
export const SEARCH_ATTRIBUTE = {
  table: { name: 'TrueupTable', type: 'KEYWORD' },
  phase: { name: 'TrueupPhase', type: 'KEYWORD' },
  needsApproval: { name: 'TrueupNeedsApproval', type: 'BOOL' },
} as const;
