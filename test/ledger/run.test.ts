import { readRunReport } from '../../ledger/report';
import { insertRun } from '../../ledger/run';
import { newRun, TestLedger } from '../support/ledger';

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

  it('finds a run by its ID before the newest of its workflow ID', async () => {
    await insertRun(on.ledger, newRun('found', 'found-1'));
    await insertRun(on.ledger, newRun('found', 'found-2'));
    expect((await readRunReport(on.ledger, 'found.2'))?.runId).toBe('found.2');
    expect(await readRunReport(on.ledger, 'nobody')).toBeNull();
  });
});
