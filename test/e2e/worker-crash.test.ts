import { waitUntil } from '../../client/embedded/wait-until';
import { NO_FAULTS, Scenario } from '../support/scenario';

jest.setTimeout(240_000);

let scenario: Scenario;
let damaged: Record<string, string>;
let expected: readonly string[];
let workflowId: string;
let runId: string;

/** Chunks of the run that are done, with how often each was begun and when it was compared. */
const doneChunks = () =>
  scenario.target(
    `select table_name, chunk_no, attempts, compared_at from trueup.chunk
      where run_id = (select run_id from trueup.run where workflow_id = $1) and status = 'done' order by 1, 2`,
    [workflowId],
  );

/** Kills the worker at the sharpest place: corrections are committed in the target, and their entries are not. */
async function killBetweenCommitAndEntry(kindOfRun: 'reconcile' | 'undo') {
  const latest = `(select run_id from trueup.run where kind = '${kindOfRun}' order by started_at desc limit 1)`;
  const entries = `(select count(*) from trueup.correction_log where run_id = ${latest})`;
  await scenario.waitForTarget('a first batch', `select ${entries} > 0`);
  const lock = await scenario.hold('lock table trueup.correction_log in exclusive mode');
  try {
    const images = `(select count(*) from trueup.before_image where run_id = ${latest})`;
    await scenario.waitForTarget('a batch without its entries', `select ${images} > ${entries}`);
    await scenario.workers.at(-1)?.kill9();
    const total = `(select count(*) from trueup.plan_item where run_id = ${latest})`;
    await scenario.waitForTarget('the middle of the plan', `select ${images} < ${total}`, 1_000);
  } finally {
    await lock.release();
  }
}

describe('kill -9 of the worker', () => {
  beforeAll(async () => {
    scenario = await Scenario.create({ defaults: ['chunkRows: 250', 'concurrency: 2'] });
    damaged = await scenario.digestOfTarget();
    expected = await scenario.expectedFindings();
    await scenario.startWorker();
  });
  afterAll(() => scenario.remove());

  test('during compare: the next worker finishes the run, and no finished chunk is compared again', async () => {
    workflowId = await scenario.startReconcile({ apply: true });
    await waitUntil(async () => (await doneChunks()).length >= 5, { timeoutMs: 60_000, everyMs: 10 });
    // Chunks of this table hang in the middle of their statements.
    const lock = await scenario.hold('lock table items in access exclusive mode');
    await scenario.waitForTarget(
      'a statement of Trueup that waits',
      `select count(*) > 0 from pg_stat_activity
        where datname = current_database() and application_name = 'trueup' and wait_event_type = 'Lock'`,
    );
    await scenario.workers.at(-1)?.kill9();
    const before = await doneChunks();
    await lock.release();
    expect(before.length).toBeGreaterThanOrEqual(5);
    expect(before.every((chunk) => chunk['attempts'] === '1')).toBe(true);

    await scenario.startWorker();
    ({ run_id: runId } = await scenario.waitForRun(workflowId, ['awaiting_approval'], 120_000));
    const after = await doneChunks();
    expect(after.length).toBeGreaterThan(before.length);
    expect(after).toEqual(expect.arrayContaining(before));
    expect(after.filter((chunk) => chunk['attempts'] !== '1').length).toBeGreaterThan(0);
    expect(await scenario.findings(runId)).toEqual(expected);
  });

  test('during apply: every row is corrected once, with one entry and one before-image', async () => {
    const { plan_digest: digest } = await scenario.waitForRun(workflowId, ['awaiting_approval']);
    await scenario.approve(workflowId, digest ?? '');
    await killBetweenCommitAndEntry('reconcile');
    await scenario.startWorker();
    await scenario.waitForRun(workflowId, ['applied'], 120_000);
    expect(await scenario.waitForClose(workflowId)).toBe('COMPLETED');
    expect(await scenario.ledgerFaults(runId)).toEqual(NO_FAULTS);
    expect(await scenario.digestOfTarget()).toEqual(await scenario.digestOfSource());
  });

  test('during undo: every row is given back once, and the target is what it was', async () => {
    await scenario.forgetChanges();
    const undo = scenario.spawnTrueup('undo', runId, '--yes', '--json');
    await killBetweenCommitAndEntry('undo');
    await scenario.startWorker();
    const exit = await undo.exited;
    expect(exit).toMatchObject({ code: 0 });
    const report = JSON.parse(exit.stdout) as { readonly runId: string };
    expect(await scenario.ledgerFaults(report.runId)).toEqual(NO_FAULTS);
    expect(await scenario.digestOfTarget()).toEqual(damaged);
  });
});
