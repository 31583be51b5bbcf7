import type { Tuning } from '../../contracts/throttle';
import type { RunReport } from '../../contracts/run';
import { Scenario } from '../support/scenario';

jest.setTimeout(300_000);

describe('a run on the command line', () => {
  let scenario: Scenario;

  beforeAll(async () => {
    scenario = await Scenario.create({ defaults: ['chunkRows: 50', 'concurrency: 1'] });
    await scenario.startWorker();
  });
  afterAll(() => scenario.remove());

  const chunks = (runId: string, status: string) =>
    scenario.count(`select count(*) from trueup.chunk where run_id = $1 and status = $2`, [runId, status]);

  test('is paused, cancelled and resumed: the rest is compared, and nothing is missed', async () => {
    const id = await scenario.startReconcile({});
    await scenario.waitForTarget('a chunk is done', `select count(*) > 0 from trueup.chunk where status = 'done'`);
    const paused = await scenario.trueup('tune', id, '--pause', '--max-chunks', '2', '--json');
    expect(paused).toMatchObject({ code: 0 });
    expect(JSON.parse(paused.stdout) as Tuning).toEqual({
      concurrency: 1,
      maxChunksPerConnection: 2,
      paused: 'by request',
    });
    await scenario.temporal('workflow', 'cancel', '--workflow-id', id);
    expect(await scenario.waitForClose(id)).toBe('CANCELED');
    expect((await scenario.waitForRun(id, ['cancelled'])).run_id).toBe(id);
    const done = await chunks(id, 'done');
    expect(done).toBeGreaterThan(0);
    expect(await chunks(id, 'planned')).toBeGreaterThan(0);

    const late = await scenario.trueup('tune', id, '--resume');
    expect(late).toMatchObject({ code: 4, stdout: '' });
    expect(late.stderr).toMatch(/^trueup: TUNE_REFUSED: /);

    const resumed = await scenario.trueup('run', '--resume', id, '--json');
    expect(resumed.code).toBe(1);
    const report = JSON.parse(resumed.stdout) as RunReport;
    expect(report.status).toBe('inconsistent');
    expect(report.tables.flatMap(({ notes }) => notes).join()).toContain(`chunks were compared by run ${id}`);
    expect(await scenario.findings(report.runId)).toEqual(await scenario.expectedFindings());
    const taken = `select count(*) from trueup.chunk a join trueup.chunk b using (table_name, chunk_no, compared_at)
      where a.run_id = $1 and b.run_id = $2`;
    expect(await scenario.count(taken, [id, report.runId])).toBe(done);
    const again = await scenario.trueup('run', '--resume', report.runId);
    expect(again.code).toBe(2);
    expect(again.stderr + again.stdout).toContain('RUN_NOT_RESUMABLE');
  });
});
