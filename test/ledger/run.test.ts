import { readNewestReport, readRunReport } from '../../ledger/report';
import {
  endRun,
  enterRefusedRun,
  insertRun,
  insertRunTables,
  readRunConfig,
  setApprovalDeadline,
  updateRunStatus,
  updateTablePhase,
} from '../../ledger/run';
import { comparisonOf, newRun, TestLedger } from '../support/ledger';

describe('a run in the ledger', () => {
  let on: TestLedger;
  beforeAll(async () => {
    on = await TestLedger.create('ledger_run');
  });
  afterAll(() => on.drop());

  const rows = (workflowId: string) =>
    on.test.query('select run_id, first_execution_run_id from trueup.run where workflow_id = $1 order by started_at', [
      workflowId,
    ]);

  it('is entered once for one execution, also by several callers at once', async () => {
    const ids = await Promise.all(Array.from({ length: 6 }, () => insertRun(on.ledger, newRun('same'))));
    expect(new Set(ids)).toEqual(new Set(['same']));
    expect(await rows('same')).toHaveLength(1);
  });

  it('has another ID when its workflow ID is used again', async () => {
    const id = (n: number) => insertRun(on.ledger, newRun('again', `again-execution-${n}`));
    expect([await id(1), await id(2), await id(3), await id(2)]).toEqual(['again', 'again.2', 'again.3', 'again.2']);
  });

  it('has an ID of its own, and no number is left out, when many executions come at once', async () => {
    for (let round = 1; round <= 10; round += 1) {
      const workflow = `many-${round}`;
      const executions = Array.from({ length: 8 }, (_, i) => `${workflow}-execution-${i}`);
      const enter = () => Promise.all(executions.map((execution) => insertRun(on.ledger, newRun(workflow, execution))));
      const ids = await enter();
      expect([...ids].sort()).toEqual([workflow, ...[2, 3, 4, 5, 6, 7, 8].map((n) => `${workflow}.${n}`)]);
      expect(await enter()).toEqual(ids);
      const entered = new Map((await rows(workflow)).map((row) => [row['first_execution_run_id'], row['run_id']]));
      expect(executions.map((execution) => entered.get(execution))).toEqual(ids);
    }
  });

  it.each([
    { taken: ['x.2'], workflow: 'x', ids: ['x', 'x.3', 'x.4'] },
    { taken: ['y.2', 'y.3', 'y.4'], workflow: 'y', ids: ['y', 'y.5', 'y.6'] },
    { taken: ['z', 'z.second'], workflow: 'z.2', ids: ['z.2', 'z.2.2', 'z.2.3'] },
  ])('steps over IDs that are those of other workflows: $taken', async ({ taken, workflow, ids }) => {
    for (const other of taken) expect(await insertRun(on.ledger, newRun(other))).toBe(other);
    for (const [n, id] of ids.entries()) {
      const enter = () => insertRun(on.ledger, newRun(workflow, `${workflow}-execution-${n}`));
      expect(await Promise.all([enter(), enter()])).toEqual([id, id]);
    }
  });

  it('gives way when its workflow ID is already the ID of another run', async () => {
    for (const n of [1, 2]) await insertRun(on.ledger, newRun('w', `w-execution-${n}`));
    expect(await insertRun(on.ledger, newRun('w.2'))).toBe('w.2.2');
    expect(await rows('w.2')).toHaveLength(1);
  });

  describe('that could not be opened', () => {
    const error = { code: 'DATABASE_UNREACHABLE', message: 'connection legacy: gone' } as const;
    const empty = newRun('n').config;
    const full = { ...empty, concurrency: 7 };
    const report = (runId: string) => readRunReport(on.ledger, runId);

    it('has failed', async () => {
      const runId = await enterRefusedRun(on.ledger, newRun('refused'), error);
      expect(runId).toBe('refused');
      expect(await report(runId)).toMatchObject({ status: 'failed', error, tables: [] });
      expect((await report(runId))?.endedAt).not.toBeNull();
      expect(await enterRefusedRun(on.ledger, newRun('refused'), error)).toBe('refused');
      expect(await rows('refused')).toHaveLength(1);
    });

    it('runs, with the config that it was opened with, when another attempt opens it after all', async () => {
      await enterRefusedRun(on.ledger, { ...newRun('after-all'), config: empty }, error);
      const runId = await insertRun(on.ledger, { ...newRun('after-all'), config: full });
      expect(await report(runId)).toMatchObject({ runId: 'after-all', status: 'running', error: null, endedAt: null });
      expect(await readRunConfig(on.ledger, runId)).toEqual(full);
    });

    it('goes on when the attempt that failed was given up, and another had begun it', async () => {
      const runId = await insertRun(on.ledger, { ...newRun('begun'), config: full });
      await insertRunTables(on.ledger, runId, [comparisonOf('t')]);
      await updateTablePhase(on.ledger, runId, 't', 'planning');
      await enterRefusedRun(on.ledger, { ...newRun('begun'), config: empty }, error);
      expect(await report(runId)).toMatchObject({ status: 'running', error: null, endedAt: null });
      expect(await readRunConfig(on.ledger, runId)).toEqual(full);
      const end = { status: 'failed', error, phases: {} } as const;
      await endRun(on.ledger, runId, end);
      await insertRun(on.ledger, { ...newRun('begun'), config: empty });
      expect(await report(runId)).toMatchObject({ status: 'failed', error });
    });
  });

  it('that has ended stays ended, and a table that is done stays done, whatever is told late', async () => {
    const runId = await on.runWith([[comparisonOf('t'), []]]);
    await endRun(on.ledger, runId, { status: 'expired', error: null, phases: {} });
    const ended = await readRunReport(on.ledger, runId);
    await updateRunStatus(on.ledger, runId, 'running');
    await setApprovalDeadline(on.ledger, runId, '2026-01-01T00:00:00Z');
    await updateTablePhase(on.ledger, runId, 't', 'settling');
    expect(ended).toMatchObject({ status: 'expired', tables: [{ phase: 'done', status: 'inconsistent' }] });
    expect(await readRunReport(on.ledger, runId)).toEqual(ended);
  });

  it('is found by its ID, or else as the newest of its workflow ID', async () => {
    for (const n of [1, 2, 3]) await insertRun(on.ledger, newRun('found', `found-${n}`));
    const id = async (read: typeof readRunReport, ref: string) => (await read(on.ledger, ref))?.runId;
    expect(await id(readRunReport, 'found.2')).toBe('found.2');
    expect(await id(readRunReport, 'found')).toBe('found');
    expect(await id(readNewestReport, 'found')).toBe('found.3');
    expect(await id(readNewestReport, 'found.2')).toBe('found.2');
    await insertRun(on.ledger, newRun('found.2', 'of another workflow'));
    expect(await id(readRunReport, 'found.2')).toBe('found.2');
    expect(await id(readNewestReport, 'nobody')).toBeUndefined();
    await on.test.query(`update trueup.run set workflow_id = 'elsewhere' where run_id = 'found'`);
    expect(await id(readRunReport, 'elsewhere')).toBe('found');
  });
});
