import { waitUntil } from '../../client/embedded/wait-until';
import { NO_FAULTS, Scenario } from '../support/scenario';

jest.setTimeout(180_000);

describe('temporal workflow cancel', () => {
  let scenario: Scenario;
  let damaged: Record<string, string>;
  const cancel = (workflowId: string) => scenario.temporal('workflow', 'cancel', '--workflow-id', workflowId);
  const running = `select count(*) from pg_stat_activity
    where application_name = 'trueup' and state <> 'idle'
      and datname in (current_database(), replace(current_database(), 'modern_', 'legacy_'))`;

  beforeAll(async () => {
    scenario = await Scenario.create({ defaults: ['chunkRows: 500', 'concurrency: 2'] });
    damaged = await scenario.digestOfTarget();
    await scenario.startWorker();
  });
  afterAll(() => scenario.remove());

  test('during compare ends the run as cancelled, and leaves no statement behind', async () => {
    const lock = await scenario.hold('lock table items in access exclusive mode');
    try {
      const workflowId = await scenario.startReconcile({ apply: true });
      await scenario.waitForTarget(
        'a statement of Trueup that waits',
        `select count(*) > 0 from pg_stat_activity
          where datname = current_database() and application_name = 'trueup' and wait_event_type = 'Lock'`,
      );
      await cancel(workflowId);
      const run = await scenario.waitForRun(workflowId, ['cancelled']);
      expect(await scenario.waitForClose(workflowId)).toBe('CANCELED');
      // A statement hears of it with the next heartbeat of its step.
      await waitUntil(async () => (await scenario.count(running)) === 0, { timeoutMs: 20_000 });
      expect(await scenario.count(running)).toBe(0);
      expect((await scenario.trueup('status', run.run_id, '--json')).code).toBe(4);
    } finally {
      await lock.release();
    }
    expect(await scenario.digestOfTarget()).toEqual(damaged);
  });

  /** Cancels a workflow while a batch is committed in the target and its entries are not in the ledger. */
  async function cancelMidway(workflowId: string, runId: string): Promise<void> {
    const of = (table: string) => `(select count(*) from trueup.${table} where run_id = '${runId}')`;
    await scenario.waitForTarget('a first batch', `select ${of('correction_log')} > 0`);
    const lock = await scenario.hold('lock table trueup.correction_log in exclusive mode');
    try {
      await scenario.waitForTarget(
        'a batch without its entries',
        `select ${of('before_image')} > ${of('correction_log')}`,
      );
      await cancel(workflowId);
      // Long enough for a heartbeat to bring the news.
      await new Promise((resolve) => setTimeout(resolve, 6_000));
    } finally {
      await lock.release();
    }
    await scenario.waitForRun(workflowId, ['cancelled']);
    expect(await scenario.waitForClose(workflowId)).toBe('CANCELED');
    const { planWithoutOneEntry, ...faults } = await scenario.ledgerFaults(runId);
    expect(planWithoutOneEntry).toBeGreaterThan(0);
    expect({ planWithoutOneEntry: 0, ...faults }).toEqual(NO_FAULTS);
  }

  /** The resolutions of those findings of a run whose corrections by `correctedBy` succeeded. */
  const resolutions = (runId: string, correctedBy = runId) =>
    scenario.target(
      `select distinct l.resolution from trueup.reconciliation_log l
         join trueup.plan_item p on p.table_name = l.table_name and p.key_digest = l.key_digest
         join trueup.correction_log c on c.run_id = p.run_id and c.seq = p.seq
        where l.run_id = $1 and p.run_id = $2 and c.status = 'SUCCESS' order by 1`,
      [runId, correctedBy],
    );

  async function startApproved(): Promise<{ readonly workflowId: string; readonly runId: string }> {
    const workflowId = await scenario.startReconcile({ apply: true });
    const { run_id: runId, plan_digest: digest } = await scenario.waitForRun(workflowId, ['awaiting_approval']);
    await scenario.approve(workflowId, digest ?? '');
    return { workflowId, runId };
  }

  test('during apply stops between two transactions; the ledger has every change, and undo gives them back', async () => {
    const { workflowId, runId } = await startApproved();
    await cancelMidway(workflowId, runId);
    const said = await resolutions(runId);
    expect(said.length).toBeGreaterThan(0);
    for (const { resolution } of said) expect(resolution).toMatch(/^(AUTO|APPROVED)_CORRECTED$/);
    expect((await scenario.trueup('undo', runId, '--yes', '--json')).code).toBe(0);
    expect(await scenario.digestOfTarget()).toEqual(damaged);
    await scenario.forgetChanges();
  });

  test('during undo likewise; a second undo gives back the rest', async () => {
    const { workflowId, runId } = await startApproved();
    await scenario.waitForRun(workflowId, ['applied']);
    await scenario.forgetChanges();
    const undo = scenario.spawnTrueup('undo', runId, '--yes', '--json');
    const open = `select run_id, workflow_id from trueup.run where undo_of = $1 and status = 'running'`;
    await waitUntil(async () => (await scenario.target(open, [runId])).length === 1, { timeoutMs: 60_000 });
    const [row] = await scenario.target(open, [runId]);
    const undoId = row?.['run_id'] ?? '';
    await cancelMidway(row?.['workflow_id'] ?? '', undoId);
    expect((await undo.exited).code).toBe(4);
    expect(await resolutions(runId, undoId)).toEqual([{ resolution: 'UNDONE' }]);
    expect((await scenario.trueup('undo', runId, '--yes', '--json')).code).toBe(0);
    expect(await scenario.digestOfTarget()).toEqual(damaged);
  });
});
