import { Scenario, type Contents } from '../support/scenario';

jest.setTimeout(180_000);

const SHOP: Contents = {
  tables: ['orders'],
  schema: 'create table orders (id int primary key, note text);',
  rows: `insert into orders select g, 'Note ' || g from generate_series(1, 90) g`,
  damage: `delete from orders where id in (7, 8); update orders set note = 'lost' where id = 30; insert into orders values (900, 'extra');`,
};

interface Report {
  readonly runId: string;
  readonly status: string;
  readonly error: { readonly message: string } | null;
}

describe('temporal workflow terminate', () => {
  let scenario: Scenario;
  let damaged: Record<string, string>;
  beforeAll(async () => {
    scenario = await Scenario.create({ contents: SHOP });
    damaged = await scenario.digestOfTarget();
    await scenario.startWorker();
  });
  afterAll(() => scenario.remove());

  const terminate = async (workflowId: string) => {
    await scenario.temporal('workflow', 'terminate', '--workflow-id', workflowId);
    expect(await scenario.waitForClose(workflowId)).toBe('TERMINATED');
  };
  const ofLedger = async (runId: string) => {
    const [run] = await scenario.target('select status, ended_at is null as open from trueup.run where run_id = $1', [
      runId,
    ]);
    return run;
  };
  const failed = { status: 'failed', error: { message: 'the workflow was ended from outside: TERMINATED' } };

  test('at the gate: it has failed for whoever asks, and can be purged', async () => {
    const waiting = await scenario.startReconcile({ apply: true });
    const open = await scenario.waitForRun(waiting, ['awaiting_approval']);
    const purge = ['purge', '--runs', open.run_id, '--findings', '--yes', '--json'];
    expect(await scenario.trueup(...purge)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('not ended') as string,
    });
    await terminate(waiting);
    expect(await ofLedger(open.run_id)).toEqual({ status: 'awaiting_approval', open: 't' });

    const { stdout } = await scenario.trueup('status', '--json');
    expect(JSON.parse(stdout)).toMatchObject([{ runId: open.run_id, status: 'failed' }]);
    const shown = await scenario.trueup('status', open.run_id, '--json');
    expect(shown.code).toBe(4);
    expect(JSON.parse(shown.stdout) as Report).toMatchObject({ status: 'failed' });

    expect(await scenario.trueup(...purge)).toMatchObject({ code: 0 });
    expect(await ofLedger(open.run_id)).toEqual({ status: 'failed', open: 'f' });
    expect(JSON.parse((await scenario.trueup('status', open.run_id, '--json')).stdout) as Report).toMatchObject(failed);
    expect(await scenario.count('select count(*) from trueup.plan_item')).toBe(0);
  });

  test('while it applies: what it was at is finished, and is undone with the rest', async () => {
    const workflowId = await scenario.startReconcile({ apply: true });
    const { run_id: runId, plan_digest: digest } = await scenario.waitForRun(workflowId, ['awaiting_approval']);
    const lock = await scenario.hold('lock table trueup.before_image in access exclusive mode');
    try {
      await scenario.approve(workflowId, digest ?? '');
      await scenario.waitForTarget(
        'a batch that waits',
        `select count(*) > 0 from pg_locks where not granted and relation = 'trueup.before_image'::regclass`,
      );
      await terminate(workflowId);
    } finally {
      await lock.release();
    }
    const undone = await scenario.trueup('undo', runId, '--yes', '--json');
    expect(undone).toMatchObject({ code: 0, stderr: '' });
    expect(await scenario.digestOfTarget()).toEqual(damaged);
    const report = JSON.parse(undone.stdout) as { readonly runId: string; readonly corrections: object };
    expect(report.corrections).toEqual({ SUCCESS: 2 });
    expect(JSON.parse((await scenario.trueup('status', runId, '--json')).stdout) as Report).toMatchObject(failed);
    for (const id of [runId, report.runId]) {
      expect((await scenario.trueup('audit', id, '--json')).code).toBe(0);
    }
  });
});
