import type { ProgressAnswer } from '../../contracts/messages';
import type { RunReport, TableSummary } from '../../contracts/run';

export function tableOf(changes: Partial<TableSummary> = {}): TableSummary {
  return {
    name: 'orders',
    status: 'running',
    phase: 'comparing',
    rowsSource: 0,
    rowsTarget: 0,
    chunks: 0,
    chunksDone: 0,
    findings: {},
    transient: 0,
    unsettled: 0,
    notes: [],
    ...changes,
  };
}

export function progressOf(changes: Partial<ProgressAnswer> = {}): ProgressAnswer {
  return {
    runId: 'run-1',
    status: 'running',
    phase: 'comparing',
    tables: [],
    corrections: { done: 0, total: 0 },
    tuning: null,
    ...changes,
  };
}

export function reportOf(changes: Partial<RunReport> = {}): RunReport {
  return {
    runId: 'run-1',
    kind: 'reconcile',
    workflowId: 'run-1',
    status: 'consistent',
    mode: 'full',
    planDigest: null,
    undo: null,
    tables: [],
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
    startedAt: '2026-03-01T12:00:00.000Z',
    endedAt: '2026-03-01T12:00:05.500Z',
    ...changes,
  };
}
