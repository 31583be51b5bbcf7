import type { RunReport, RunStatus, TableSummary } from '../../contracts/run';

/** The report of a run that the ledger does not know yet: it was started, and no worker has opened it. */
export function startedReport(
  workflowId: string,
  kind: RunReport['kind'],
  startedAt: Date,
  status: RunStatus = 'running',
  tables: readonly TableSummary[] = [],
): RunReport {
  return {
    runId: workflowId,
    kind,
    workflowId,
    status,
    mode: 'full',
    planDigest: null,
    undo: null,
    tables,
    checks: [],
    corrections: {},
    plan: [],
    blocked: [],
    decision: null,
    leftOut: 0,
    remaining: 0,
    verified: null,
    phases: {},
    error: null,
    refusedDecisions: [],
    chain: null,
    startedAt: startedAt.toISOString(),
    endedAt: null,
  };
}
