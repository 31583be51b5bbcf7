import { NativeConnection } from '@temporalio/worker';
import type { Client } from '@temporalio/client';
import { openRun } from '../../activities/open-run';
import type { TableSummary } from '../../contracts/run';
import type { ReconcileTableInput } from '../../workflows/reconcile-table';
import { InProcess, quiet } from '../support/in-process';
import { servers } from '../support/servers';
import { testClient } from '../support/temporal';

let client: Client;
let connection: NativeConnection;
let world: InProcess;

beforeAll(async () => {
  quiet();
  client = await testClient();
  connection = await NativeConnection.connect({ address: servers.temporalAddress });
  world = await InProcess.start({ client, connection, taskQueue: 'continue-as-new', searchAttributes: true });
  await world.reset();
});

afterAll(async () => {
  await world.stop();
  await connection.close();
  await client.connection.close();
});

/** Reconciles one table in a run of its own, so many activities to a workflow run. */
async function compare(runId: string, table: string, activitiesPerRun: number) {
  await openRun(world.resources, { input: { tables: [table] }, workflowId: runId, firstExecutionRunId: runId });
  const input: ReconcileTableInput = {
    runId,
    table,
    parent: `${runId}-nobody`,
    settle: { delayMs: 5, attempts: 2 },
    tuning: { concurrency: 3, maxChunksPerConnection: null, paused: null },
    searchAttributes: true,
    reports: 5,
    activitiesPerRun,
  };
  const handle = await client.workflow.start<(input: ReconcileTableInput) => Promise<TableSummary>>('reconcileTable', {
    taskQueue: world.taskQueue,
    workflowId: `${runId}/${table}`,
    args: [input],
  });
  const summary = await handle.result();
  const found = await world.target.query(
    `select inconsistency_type, record_key, differences, resolution from trueup.reconciliation_log
      where run_id = $1 order by inconsistency_type, record_key`,
    [runId],
  );
  return { summary, found, histories: await historiesOf(`${runId}/${table}`) };
}

/** How many workflow runs an execution took, what activities they scheduled, how often they told their parent. */
async function historiesOf(workflowId: string) {
  const scheduled: string[] = [];
  let [runs, told] = [0, 0];
  for (let runId: string | undefined; ;) {
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    runs += 1;
    for (const event of events ?? []) {
      const name = event.activityTaskScheduledEventAttributes?.activityType?.name;
      if (name) scheduled.push(name);
      if (event.signalExternalWorkflowExecutionInitiatedEventAttributes) told += 1;
    }
    runId = events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? '';
    if (runId === '') return { runs, scheduled, told };
  }
}

describe('a table that continues as new', () => {
  it('finds what one run finds, and plans and compares every chunk once', async () => {
    const whole = await compare('can-whole', 'orders', 1_000);
    const cut = await compare('can-cut', 'orders', 4);
    expect(whole.histories.runs).toBe(1);
    expect(cut.histories.runs).toBeGreaterThanOrEqual(3);
    // What settled at once depends on when the shared server made its last checkpoint.
    expect({ ...cut.summary, notes: [] }).toEqual({ ...whole.summary, notes: [] });
    expect(cut.summary).toMatchObject({
      status: 'inconsistent',
      rowsSource: 60,
      rowsTarget: 59,
      findings: { missing_in_target: 2, extra_in_target: 1, field_mismatch: 1 },
    });
    expect(cut.found).toEqual(whole.found);
    const countOf = (name: string) => cut.histories.scheduled.filter((each) => each === name).length;
    expect(countOf('planChunks')).toBe(1);
    expect(countOf('compareChunks')).toBe(cut.summary.chunks);
    expect(countOf('aggregateTable')).toBe(1);
    // Five reports over the whole table; beside them the phases: comparing in each run, the others once.
    expect(cut.histories.told).toBeLessThanOrEqual(5 + cut.histories.runs + 4);
    expect(whole.histories.told).toBeLessThanOrEqual(5 + 1 + 4);
    const chunks = await world.target.query(
      `select status, attempts, count(*) as n from trueup.chunk where run_id = 'can-cut' group by 1, 2`,
    );
    expect(chunks).toEqual([{ status: 'done', attempts: '1', n: String(cut.summary.chunks) }]);
  });

  it('does so after every single activity, too', async () => {
    const { summary, histories } = await compare('can-single', 'customers', 1);
    expect(summary.chunksDone).toBe(summary.chunks);
    // The lanes take what they are given before any of them ends, so a run holds one activity and no more.
    expect(histories.runs).toBe(summary.chunks);
  });
});
