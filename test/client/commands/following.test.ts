import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { waitUntil } from '../../../client/embedded/wait-until';
import { childrenOf } from '../../../client/embedded/children-of';
import { spawnTrueup, waitUntilGone } from '../../support/process';
import { Scenario } from '../../support/scenario';

let scenario: Scenario;
let runId = '';

const idIn = (text: string) => /trueup-[\d]+-[\d]+-[0-9a-f]+/.exec(text)?.[0] ?? '';

describe('following a run', () => {
  beforeAll(async () => {
    scenario = await Scenario.create();
  }, 120_000);
  afterAll(() => scenario.remove());

  test('without a worker a run says so; Ctrl-C leaves it going and says how to return', async () => {
    const run = scenario.spawnTrueup('run', '--apply');
    await run.waitForLine(/No worker polls the task queue trueup .*trueup worker/);
    run.signal('SIGINT');
    const exit = await run.exited;
    runId = idIn(exit.stdout);
    expect(exit.code).toBe(0);
    expect(exit.stderr).toContain(`trueup status ${runId}`);
    const status = await scenario.trueup('status', runId, '--json');
    expect(status.code).toBe(0);
    expect(JSON.parse(status.stdout)).toMatchObject({ runId, status: 'running' });
  });

  test('the worker that a command started goes when the command is killed', async () => {
    const command = spawnTrueup(['worker'], { env: scenario.env, cwd: scenario.folder });
    await command.waitForLine(/worker ready/, 60_000);
    const workers = childrenOf(command.pid);
    expect(workers).toHaveLength(1);
    await command.kill9();
    expect(await waitUntilGone(workers, 40_000)).toEqual([]);
  });

  test('trueup worker passes a request to stop on, and the exit code back', async () => {
    const command = spawnTrueup(['worker'], { env: scenario.env, cwd: scenario.folder });
    await command.waitForLine(/worker ready/, 60_000);
    expect((await command.stop(40_000)).code).toBe(0);
  });

  test('the run that was left waits with its plan; rejected, it ends, and a late decision goes to the ledger', async () => {
    await scenario.startWorker();
    const atGate = await waitUntil(async () => (await scenario.trueup('status', runId)).code === 3, {
      timeoutMs: 60_000,
      everyMs: 500,
    });
    expect(atGate).toBe(true);
    const status = await scenario.trueup('status', runId);
    expect(status.stdout).toMatch(new RegExp(`trueup approve ${runId} --plan [0-9a-f]+`));

    const before = await scenario.digestOfTarget();
    expect(await scenario.trueup('reject', runId, '--reason', 'not today', '--approver', 'Ada')).toMatchObject({
      code: 0,
    });
    await scenario.waitForRun(runId, ['rejected']);
    await scenario.waitForClose(runId);
    const digest = (await scenario.findRun(runId))?.plan_digest ?? '';
    const late = await scenario.trueup('approve', runId, '--plan', digest, '--approver', 'Bob');
    expect(late.code).toBe(4);
    expect(late.stderr).toMatch(/DECISION_REFUSED: .*ended/);
    expect(
      await scenario.target('select channel, approver, accepted from trueup.decision where run_id = $1 order by id', [
        runId,
      ]),
    ).toEqual([
      { channel: 'update', approver: 'Ada', accepted: 't' },
      { channel: 'late', approver: 'Bob', accepted: 'f' },
    ]);
    // What the policy does unasked is done before the gate or behind it, never what was rejected.
    const [overwritten] = await scenario.target(
      `select count(*) as n from trueup.correction_log where run_id = $1 and operation <> 'insert' and status = 'SUCCESS'`,
      [runId],
    );
    expect(overwritten?.n).toBe('0');
    expect(Object.keys(await scenario.digestOfTarget())).toEqual(Object.keys(before));
  });

  test('a listing whose reader goes away ends quietly', async () => {
    const trueup = join(__dirname, '..', '..', '..', 'bin', 'trueup.js');
    const shell = `"${process.execPath}" "${trueup}" findings ${runId} --json | head -1`;
    const env = { ...process.env, ...scenario.env };
    const { stdout, stderr } = await new Promise<{ stdout: string; stderr: string }>((resolve, reject) =>
      execFile('bash', ['-o', 'pipefail', '-c', shell], { env, cwd: scenario.folder }, (error, stdout, stderr) =>
        error ? reject(new Error(stderr, { cause: error })) : resolve({ stdout, stderr }),
      ),
    );
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      table: expect.any(String) as string,
      type: expect.any(String) as string,
    });
  });

  test('a table that the database has not is a typed end of the run, with its own exit code', async () => {
    scenario.writeConfig({ tables: '  - { name: ghosts, source: public.ghosts }' });
    // A worker reads the config when it starts.
    await Promise.all(scenario.workers.splice(0).map((worker) => worker.stop()));
    await scenario.startWorker();
    const exit = await scenario.trueup('run');
    expect(exit.code).toBe(2);
    expect(exit.stdout + exit.stderr).toMatch(/TABLE_NOT_FOUND: .*ghosts/);
    expect(exit.stdout + exit.stderr).not.toMatch(/^\s+at /m);
  });
});
