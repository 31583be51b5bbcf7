import { Context } from '@temporalio/activity';
import { TrueupError } from '../contracts/errors';
import type { Alert, Job, JobResult } from '../contracts/job';
import type { RunStatus } from '../contracts/run';
import { listHighOpen, readJobLine } from '../ledger/job';
import type { Resources } from './resources';

export interface ReadJobInput {
  readonly job: Job;
  /** The workflow ID of the job's run. */
  readonly workflowId: string;
  /** What the run failed with; null: it ended, or waits for an approval. */
  readonly error: Alert['error'];
}

export interface JobOutcome {
  readonly result: Omit<JobResult, 'alert'>;
  readonly alert: Alert | null;
}

/** Tables and types that an alert names; it counts the others. */
const MOST_NAMED = 20;

/** What the run of a job came to, and the alert that it is worth; null: none. */
export async function readJob(resources: Resources, input: ReadJobInput): Promise<JobOutcome> {
  const { job, workflowId, error } = input;
  const ledger = await resources.ledger();
  const entered = await readJobLine(ledger, workflowId);
  // A run that came to its end, or to its gate, is in the ledger of the worker that opened it.
  if (!entered && error === null) {
    throw new TrueupError('WRONG_DATABASE', `the run of ${workflowId} is not in the ledger that this worker reaches`);
  }
  const line = entered ?? {
    runId: null,
    status: 'failed',
    issuesFound: 0,
    corrections: 0,
    queued: 0,
    remaining: 0,
  };
  const open = line.runId === null ? [] : await listHighOpen(ledger, line.runId);
  const highSeverity = open.reduce((sum, { count }) => sum + count, 0);
  const status = line.status as RunStatus;
  const result = { job, ...line, status, highSeverity };
  const bad = error !== null || status === 'failed' || status === 'incomplete';
  if (highSeverity === 0 && !bad) return { result, alert: null };
  const alert: Alert = {
    id: line.runId ?? workflowId,
    job,
    runId: line.runId,
    workflowId,
    status,
    highSeverity,
    remaining: line.remaining,
    findings: open.slice(0, MOST_NAMED),
    error,
    text: textOf({ job, status, remaining: line.remaining, error }, highSeverity, open.length),
    at: new Date().toISOString(),
  };
  return { result, alert };
}

function textOf(
  { job, status, remaining, error }: Pick<Alert, 'job' | 'status' | 'remaining' | 'error'>,
  high: number,
  groups: number,
): string {
  const found = high === 0 ? '' : `: ${high} open findings of high severity in ${groups} tables and types`;
  const failed = error === null ? '' : `: ${error.code}: ${error.message}`;
  const left = remaining > high ? `; ${remaining} differences are left in all` : '';
  return `${job} ended ${status}${found}${left}${failed}`;
}

/** Writes the alert to the log, and counts it. */
export function logAlert(_resources: Resources, alert: Alert): Promise<void> {
  const { log, metricMeter } = Context.current();
  log.error(alert.text, { alert: alert.id, job: alert.job, run: alert.runId, highSeverity: alert.highSeverity });
  metricMeter
    .createCounter('reconciliation_alerts_total', undefined, 'Alerts raised by scheduled jobs')
    .add(1, { job_type: alert.job });
  return Promise.resolve();
}

const ANSWER_WITHIN_MS = 10_000;

/**
 * Sends the alert as JSON to the URL in TRUEUP_ALERT_WEBHOOK; without one there is nothing to do. What it throws names the
 * answer's status only: the URL may hold a secret.
 */
export async function sendAlert(_resources: Resources, alert: Alert): Promise<void> {
  const url = process.env['TRUEUP_ALERT_WEBHOOK'];
  if (url === undefined || url.trim() === '') return;
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(alert),
    signal: AbortSignal.any([AbortSignal.timeout(ANSWER_WITHIN_MS), Context.current().cancellationSignal]),
    redirect: 'error',
  }).catch((error: unknown) => {
    throw notSent(error instanceof Error ? error.name : 'no answer');
  });
  await response.body?.cancel();
  if (!response.ok) throw notSent(`status ${response.status}`);
}

function notSent(why: string): TrueupError {
  return new TrueupError('ALERT_NOT_SENT', `the webhook did not take the alert: ${why}`);
}
