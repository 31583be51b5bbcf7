// Records the histories that replay.test.ts replays: node test/support/run-ts.js test/replay/record.ts
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import { NativeConnection } from '@temporalio/worker';
import { openRun } from '../../activities/open-run';
import { startStack } from '../../client/embedded/stack';
import type { UndoInput } from '../../contracts/messages';
import type { PurgeInput } from '../../contracts/purge';
import type { ReconcileTableInput } from '../../workflows/reconcile-table';
import { InProcess, quiet } from '../support/in-process';

const FOLDER = join(__dirname, 'histories');

/** Names of processes and machines (`4711@host`) change with every recording and tell nothing. */
const withoutProcess = (_: string, value: unknown) =>
  typeof value === 'string' && /^\d+@/.test(value) ? 'recorded' : value;

async function save(client: Client, name: string, workflowId: string, runId?: string): Promise<string> {
  const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  mkdirSync(FOLDER, { recursive: true });
  const text = JSON.stringify(JSON.parse(historyToJSON(history)), withoutProcess, 1);
  writeFileSync(join(FOLDER, `${name}.json`), `${text}\n`);
  console.log(`${name}: ${history.events?.length ?? 0} events`);
  return history.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? '';
}

async function record(world: InProcess): Promise<void> {
  const { client } = world;
  await world.reset();
  const dry = await world.startReconcile({}, 'replay-dry-run');
  await dry.result();
  await save(client, 'dry-run', dry.workflowId);
  await save(client, 'table', `${dry.workflowId}/orders`);

  const tuned = await world.startReconcile({}, 'replay-tuned');
  await tuned.executeUpdate('tune', { args: [{ pause: true }] });
  await new Promise((resolve) => setTimeout(resolve, 500));
  await tuned.executeUpdate('tune', { args: [{ pause: false, concurrency: 1, maxChunksPerConnection: 1 }] });
  await tuned.result();
  await save(client, 'tuned', tuned.workflowId);
  await save(client, 'table-tuned', `${tuned.workflowId}/orders`);

  const expired = await world.startReconcile({ apply: true, approvalTimeout: '1s' }, 'replay-expired');
  await expired.result();
  await save(client, 'expired', expired.workflowId);

  const rejected = await world.startReconcile({ apply: true }, 'replay-rejected');
  await rejected.signal('approve', { approver: 'ada', planDigest: 'too early' });
  const refusedPlan = await world.untilGate(rejected);
  await rejected.signal('aprove', { approver: 'ada' });
  await rejected.signal('approve', { approver: 'ada', planDigest: 'wrong' });
  await world.untilRefused(rejected, 3);
  const decision = { decision: 'reject', approver: 'ada', planDigest: refusedPlan.digest, reason: 'not yet' };
  await world.decide(rejected, decision);
  await rejected.result();
  await save(client, 'rejected-by-update', rejected.workflowId);

  const inPart = await world.startReconcile({ apply: true, requestedBy: 'bo' }, 'replay-applied-in-part');
  const { digest } = await world.untilGate(inPart);
  await inPart.signal('approve', { approver: 'ada', planDigest: digest, tables: ['nothing'] });
  await world.untilRefused(inPart, 1);
  const part = { decision: 'approve', approver: 'ada', planDigest: digest, tables: ['orders'], operations: ['update'] };
  await world.decide(inPart, { ...part, override: true });
  await inPart.result();
  await save(client, 'applied-in-part', inPart.workflowId);

  await world.reset();
  const applied = await world.startReconcile({ apply: true }, 'replay-applied');
  const plan = await world.untilGate(applied);
  await applied.signal('approve', { approver: 'ada', planDigest: plan.digest });
  const { runId } = await applied.result();
  await save(client, 'applied', applied.workflowId);

  const startUndo = (workflowId: string, input: UndoInput) =>
    client.workflow.start<(input: UndoInput) => Promise<unknown>>('undo', {
      taskQueue: world.taskQueue,
      workflowId,
      args: [input],
    });
  const undoExpired = await startUndo('replay-undo-expired', { runId, approvalTimeout: '1s' });
  await undoExpired.result();
  await save(client, 'undo-expired', undoExpired.workflowId);
  const undo = await startUndo('replay-undo', { runId, tables: ['orders', 'customers'] });
  const undoPlan = await world.untilGate(undo);
  await undo.signal('approve', { approver: 'ada', planDigest: undoPlan.digest });
  await undo.result();
  await save(client, 'undo', undo.workflowId);

  await world.reset();
  // Two rows that swap a unique value can only be corrected together.
  const swap = 'create unique index customers_name on customers (name)';
  await world.source.query(`${swap} where id in (11, 12)`);
  await world.target.query(`update customers set name = 'secret name ' || (case id when 11 then 12 else 11 end)
    where id in (11, 12); ${swap} where id in (11, 12)`);
  const together = await world.startReconcile({ apply: true }, 'replay-applied-together');
  const swapped = await world.untilGate(together);
  await together.signal('approve', { approver: 'ada', planDigest: swapped.digest, override: true });
  await together.result();
  await save(client, 'applied-together', together.workflowId);

  await world.reset();
  const cancelled = await world.startReconcile({ apply: true }, 'replay-cancelled');
  await world.untilGate(cancelled);
  await cancelled.cancel();
  await cancelled.result().catch(() => undefined);
  await save(client, 'cancelled', cancelled.workflowId);

  const failed = await world.startReconcile({ tables: ['nothing'] }, 'replay-failed');
  await failed.result().catch(() => undefined);
  await save(client, 'failed', failed.workflowId);

  const late = { runId, decision: 'approve', approver: 'ada' };
  const options = { taskQueue: world.taskQueue, workflowId: 'replay-late', args: [late] as [object] };
  await client.workflow.execute<(input: object) => Promise<string>>('lateDecision', options);
  await save(client, 'late-decision', 'replay-late');

  await recordPurges(world);
  await recordContinued(world);
}

async function recordPurges(world: InProcess): Promise<void> {
  const { client, taskQueue } = world;
  for (const [name, input] of [
    ['purge-dry-run', { olderThan: '1s' }],
    ['purge', { olderThan: '1s', findings: true, apply: true }],
  ] as const) {
    const workflowId = `replay-${name}`;
    const options = { taskQueue, workflowId, args: [input] as [PurgeInput] };
    await client.workflow.execute<(input: PurgeInput) => Promise<unknown>>('purge', options);
    await save(client, name, workflowId);
  }
}

/** Of a world whose differences are all reviewed. */
async function recordReviews(world: InProcess): Promise<void> {
  const { client, taskQueue } = world;
  await world.reset();
  await (await world.startReconcile({}, 'replay-queued')).result();
  const start = (name: string, input: object) =>
    client.workflow.start<(input: object) => Promise<unknown>>('resolveReviews', {
      taskQueue,
      workflowId: `replay-${name}`,
      args: [input],
    });
  const expired = await start('review-expired', { wait: '1s' });
  await expired.result();
  await save(client, 'review-expired', expired.workflowId);

  const kept = await start('review-kept', {
    filter: { table: 'customers' },
    resolution: 'KEEP_TARGET',
    reviewer: 'ada',
  });
  await kept.result();
  await save(client, 'review-kept', kept.workflowId);

  // Refused at first, and a second resolution too, once one is carried out.
  const resolved = await start('review-resolved', { wait: '1m' });
  const message = { filter: { table: 'orders' }, resolution: 'APPLY_SOURCE', reviewer: 'ada' };
  const update = (args: object) => resolved.executeUpdate('resolveReview', { args: [args] });
  await update({ ...message, filter: { table: 'nothing' } }).catch(() => undefined);
  const first = await resolved.startUpdate('resolveReview', { args: [message], waitForStage: 'ACCEPTED' });
  await update({ ...message, resolution: 'KEEP_TARGET' }).catch(() => undefined);
  await first.result();
  await resolved.result();
  await save(client, 'review-resolved', resolved.workflowId);
}

const RULES = `rules:
  - { name: orders_by_customer, sourceQuery: "select customer_id, count(*) from orders group by 1", targetQuery: "select customer_id, count(*) from orders group by 1" }
  - { name: broken, sourceQuery: "select nothing", targetQuery: "select 1, 2" }`;

/** Of a world with rules: the jobs, one of which leaves a run that waits, and what is checked beside the rows. */
async function recordJobs(world: InProcess): Promise<void> {
  const { client, taskQueue } = world;
  await world.reset();
  const start = (type: string, workflowId: string, input: object) =>
    client.workflow.start<(input: object) => Promise<unknown>>(type, { taskQueue, workflowId, args: [input] });
  const job = await start('comprehensiveReconciliation', 'replay-job', {});
  await job.result();
  await save(client, 'job', job.workflowId);

  await world.reset();
  const waits = await start('deepValidation', 'replay-job-waits', { apply: true });
  await waits.result();
  await save(client, 'job-waits', waits.workflowId);
  const run = client.workflow.getHandle<(input: object) => Promise<unknown>>('replay-job-waits/run');
  const { digest } = await world.untilGate(run);
  await run.signal('approve', { approver: 'ada', planDigest: digest });
  await run.result();
  await save(client, 'job-run', run.workflowId);
  await save(client, 'table-checked', `${run.workflowId}/orders`);

  const rules = await start('businessLogicValidation', 'replay-job-rules', {});
  await rules.result();
  await save(client, 'rules', 'replay-job-rules/run');

  const counted = await world.startReconcile({ mode: 'count' }, 'replay-counted');
  await counted.result();
  await save(client, 'table-counted', `${counted.workflowId}/orders`);
}

async function recordContinued(world: InProcess): Promise<void> {
  const runId = 'replay-continued';
  await openRun(world.resources, { input: { tables: ['orders'] }, workflowId: runId, firstExecutionRunId: runId });
  const input: ReconcileTableInput = {
    runId,
    table: 'orders',
    parent: 'replay-nobody',
    settle: { delayMs: 5, attempts: 2 },
    tuning: { concurrency: 3, maxChunksPerConnection: null, paused: null },
    searchAttributes: true,
    reports: 5,
    activitiesPerRun: 6,
  };
  await world.client.workflow.execute<(input: ReconcileTableInput) => Promise<unknown>>('reconcileTable', {
    taskQueue: world.taskQueue,
    workflowId: runId,
    args: [input],
  });
  let run = await save(world.client, 'table-continued-last', runId);
  while (run !== '') run = await save(world.client, 'table-continued-first', runId, run);
}

async function main(): Promise<void> {
  quiet();
  const stack = await startStack({ onStep: (line) => console.log(line) });
  process.env['TRUEUP_TEST_POSTGRES_URL'] = stack.postgres.url();
  try {
    const connection = await NativeConnection.connect({ address: stack.temporal.address });
    const client = new Client({ connection: await Connection.connect({ address: stack.temporal.address }) });
    const options = { client, connection, searchAttributes: true };
    const reviewed = `concurrency: 2, corrections: { missing: review, mismatched: review, extra: review }`;
    const world = await InProcess.start({ ...options, taskQueue: 'trueup' });
    const jobs = await InProcess.start({ ...options, taskQueue: 'jobs', config: [RULES] });
    const review = await InProcess.start({ ...options, taskQueue: 'review', defaults: reviewed });
    try {
      await record(world);
      await recordReviews(review);
      await recordJobs(jobs);
    } finally {
      await world.stop();
      await review.stop();
      await jobs.stop();
      await connection.close();
      await client.connection.close();
    }
  } finally {
    await stack.stop();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
