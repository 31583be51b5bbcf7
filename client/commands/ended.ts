import { TrueupError } from '../../contracts/errors';
import type { ExitCode } from '../../contracts/exit-code';
import type { RunReport } from '../../contracts/run';
import { summaryLines } from '../render/summary';
import { closedStatus, type RunDescription, type RunHandle } from '../temporal/run-handle';
import type { Context } from './context';
import { findReport } from './lookup';
import { exitCodeOfReport } from './outcome';

/**
 * What is known of a run whose workflow has closed: the ledger's report, corrected where the workflow ended without
 * being able to write its end down (terminated, timed out). Throws the workflow's own failure when it never got as
 * far as the ledger.
 */
export async function endedReport(context: Context, run: RunHandle, description: RunDescription): Promise<RunReport> {
  const report = await findReport(context.ledger, run.workflowId).catch((error: unknown) => error as Error);
  const failure = closedStatus(description.state) === null ? null : await run.failure();
  if (report instanceof Error || report === null) throw failure ?? report ?? notInLedger(run.workflowId);
  return withWorkflowState(report, description, failure);
}

export function notInLedger(workflowId: string): TrueupError {
  return new TrueupError(
    'RUN_NOT_FOUND',
    `workflow ${workflowId} has ended, and the ledger of this config holds no run of it: is the worker's config another one?`,
  );
}

/** A ledger that still says `running` or `awaiting_approval` is behind a workflow that is over. */
export function withWorkflowState(
  report: RunReport,
  description: RunDescription,
  failure: TrueupError | null,
): RunReport {
  const status = closedStatus(description.state);
  const behind = report.status === 'running' || report.status === 'awaiting_approval';
  if (status === null || !behind) return report;
  const error = failure ?? new TrueupError('INTERNAL', `the workflow was ended from outside: ${description.state}`);
  return {
    ...report,
    status,
    error: report.error ?? { code: error.code, message: error.message },
    endedAt: report.endedAt ?? description.closedAt?.toISOString() ?? null,
  };
}

/** Prints the end of a run: one JSON document, or the report for people. */
export function printReport(context: Context, report: RunReport, json: boolean): ExitCode {
  const { io } = context;
  if (json) io.out.line(JSON.stringify(report));
  else summaryLines(report, io.colors).forEach((line) => io.out.line(line));
  if (json && report.error && report.status === 'failed') {
    io.err.line(`trueup: ${report.error.code}: ${report.error.message}`);
  }
  return exitCodeOfReport(report);
}
