import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres, type PostgresServer } from '../../client/embedded/postgres-server';
import { startTemporalServer, type TemporalServer } from '../../client/embedded/temporal-server';
import { waitUntil } from '../../client/embedded/wait-until';
import { NO_FAULTS, Scenario } from '../support/scenario';
import { servers } from '../support/servers';

jest.setTimeout(240_000);

/** One worker lives through all of this; only the servers go and come back. */
describe('servers that go away and come back', () => {
  const folder = mkdtempSync(join(tmpdir(), 'trueup-restart-'));
  const dbFile = join(folder, 'temporal.db');
  let temporal: TemporalServer;
  let postgres: PostgresServer;
  let scenario: Scenario;
  let damaged: Record<string, string>;
  let expected: readonly string[];
  let workflowId: string;
  let runId: string;

  const startAgain = async () => {
    const { port, uiPort } = temporal;
    temporal = await startTemporalServer({ cli: servers.temporalCli, dbFile, port, uiPort });
  };
  const doneChunks = () =>
    scenario.target(
      `select table_name, chunk_no, attempts, compared_at from trueup.chunk
        where run_id = (select run_id from trueup.run where workflow_id = $1) and status = 'done' order by 1, 2`,
      [workflowId],
    );
  /** Returns while a batch is committed in the target and its entries are not in the ledger. */
  const catchMidway = async (kind: 'reconcile' | 'undo') => {
    const latest = `(select run_id from trueup.run where kind = '${kind}' order by started_at desc limit 1)`;
    const of = (table: string) => `(select count(*) from trueup.${table} where run_id = ${latest})`;
    await scenario.waitForTarget('a first batch', `select ${of('correction_log')} > 0`);
    const lock = await scenario.hold('lock table trueup.correction_log in exclusive mode');
    await scenario.waitForTarget(
      'a batch without its entries',
      `select ${of('before_image')} > ${of('correction_log')}`,
    );
    return lock;
  };

  beforeAll(async () => {
    [postgres, temporal] = await Promise.all([
      startPostgres({ settings: { shared_buffers: '64MB' } }),
      startTemporalServer({ cli: servers.temporalCli, dbFile }),
    ]);
    scenario = await Scenario.create({
      defaults: ['chunkRows: 250', 'concurrency: 2'],
      postgresUrl: postgres.url(),
      temporalAddress: temporal.address,
    });
    damaged = await scenario.digestOfTarget();
    expected = await scenario.expectedFindings();
    await scenario.startWorker();
  }, 120_000);
  afterAll(async () => {
    await scenario?.remove();
    await Promise.all([temporal?.stop(), postgres?.remove()]);
    rmSync(folder, { recursive: true, force: true });
  });

  test('during compare: first Temporal, then both databases; no finished chunk is compared again', async () => {
    workflowId = await scenario.startReconcile({ apply: true });
    await waitUntil(async () => (await doneChunks()).length >= 5, { timeoutMs: 60_000, everyMs: 10 });
    const lock = await scenario.hold('lock table items in access exclusive mode');
    await scenario.waitForTarget(
      'a statement of Trueup that waits',
      `select count(*) > 0 from pg_stat_activity
        where datname = current_database() and application_name = 'trueup' and wait_event_type = 'Lock'`,
    );
    await temporal.stop();
    const before = await doneChunks();
    await startAgain();
    await postgres.restart();
    await lock.release();

    ({ run_id: runId } = await scenario.waitForRun(workflowId, ['awaiting_approval'], 150_000));
    expect(await doneChunks()).toEqual(expect.arrayContaining(before));
    expect(await scenario.findings(runId)).toEqual(expected);
  });

  test('at the gate Temporal crashes; during apply the databases do', async () => {
    await temporal.kill();
    await startAgain();
    const { plan_digest: digest } = await scenario.waitForRun(workflowId, ['awaiting_approval']);
    await scenario.approve(workflowId, digest ?? '');
    const lock = await catchMidway('reconcile');
    await postgres.kill9();
    await postgres.restart();
    await lock.release();

    await scenario.waitForRun(workflowId, ['applied'], 150_000);
    expect(await scenario.waitForClose(workflowId)).toBe('COMPLETED');
    expect(await scenario.ledgerFaults(runId)).toEqual(NO_FAULTS);
    expect(await scenario.digestOfTarget()).toEqual(await scenario.digestOfSource());
  });

  test('during undo the databases restart, and the target is what it was', async () => {
    await scenario.forgetChanges();
    const undo = scenario.spawnTrueup('undo', runId, '--yes', '--json');
    const lock = await catchMidway('undo');
    await postgres.restart();
    await lock.release();
    const exit = await undo.exited;
    expect(exit).toMatchObject({ code: 0 });
    const report = JSON.parse(exit.stdout) as { readonly runId: string };
    expect(await scenario.ledgerFaults(report.runId)).toEqual(NO_FAULTS);
    expect(await scenario.digestOfTarget()).toEqual(damaged);
    expect(scenario.workers).toHaveLength(1);
  });
});
