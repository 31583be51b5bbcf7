import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { waitUntil } from '../../client/embedded/wait-until';
import type { ScheduleState } from '../../client/temporal/schedule';
import type { Alert, JobResult } from '../../contracts/job';
import type { Exit } from '../support/process';
import { NO_FAULTS, Scenario } from '../support/scenario';

const WITHIN = { timeoutMs: 90_000, everyMs: 200 };

/** A receiver of alerts that refuses as many as it is told to. */
class Webhook {
  readonly alerts: Alert[] = [];
  refusals = 0;
  refused = 0;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        if (this.refused < this.refusals) {
          this.refused += 1;
          response.writeHead(503).end();
          return;
        }
        this.alerts.push(JSON.parse(body) as Alert);
        response.writeHead(204).end();
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/alerts?token=secret-token`;
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

describe('scheduled jobs on a real server', () => {
  let scenario: Scenario;
  const webhook = new Webhook();
  let workerEnv: Record<string, string>;
  let workers = 0;
  const startWorker = async () => {
    await scenario.startWorker(workerEnv);
    workers += 1;
  };

  const configure = (...schedules: readonly string[]) => {
    scenario.writeConfig({
      tables: [
        '  - { name: customers, critical: true, corrections: { missing: approve } }',
        '  - items',
        ...(schedules.length === 0 ? [] : [`schedules: { ${schedules.join(', ')} }`]),
      ].join('\n'),
    });
  };
  const ok = (exit: Exit) => {
    expect(exit).toMatchObject({ code: 0, stderr: '' });
    return exit.stdout;
  };
  const schedule = async (...args: readonly string[]) => ok(await scenario.trueup('schedule', ...args));
  const changes = async (...args: readonly string[]) =>
    (JSON.parse(await schedule('apply', '--json', ...args)) as { name: string; change: string }[]).map(
      ({ name, change }) => `${name} ${change}`,
    );
  const quick = async () => {
    const all = JSON.parse(await schedule('list', '--json')) as ScheduleState[];
    const found = all.find(({ name }) => name === 'quick');
    if (!found) throw new Error('there is no schedule quick');
    return found;
  };
  const jobs = (type: string, ended = true) =>
    scenario
      .target(
        `select run_id, status, issues_found, started_at, ended_at from trueup.job_history
          where job_type = $1 and ($2::boolean is false or ended_at is not null) order by started_at`,
        [type, ended],
      )
      .catch(() => []);
  const until = async (what: string, isSo: () => Promise<boolean>) => {
    if (!(await waitUntil(isSo, WITHIN))) throw new Error(`${what}: not within ${WITHIN.timeoutMs} ms`);
  };
  /** Pauses the job, and waits until none is under way. */
  const paused = async () => {
    await schedule('pause', 'quick');
    await until('no job under way', async () => (await quick()).running.length === 0);
  };
  const resultOf = async (workflowId: string) => {
    const text = await scenario.temporal('workflow', 'result', '--workflow-id', workflowId, '-o', 'json');
    return (JSON.parse(text) as { result: JobResult }).result;
  };
  const start = async (type: string, id: string, input: object) => {
    const args = ['--type', type, '--task-queue', 'trueup', '--workflow-id', id, '--input', JSON.stringify(input)];
    await scenario.temporal('workflow', 'start', ...args);
  };

  beforeAll(async () => {
    scenario = await Scenario.create();
    workerEnv = { TRUEUP_ALERT_WEBHOOK: await webhook.listen() };
  });
  beforeEach(async () => {
    if (workers === 0) await startWorker();
  });
  afterAll(async () => {
    await scenario.remove();
    await webhook.close();
  });

  test('apply makes Temporal be as the config says, and says what it changes', async () => {
    configure('quick: every 1h', 'deep: "0 2 * * *"');
    expect(await changes('--dry-run')).toEqual(['quick created', 'deep created']);
    expect(await schedule('list', '--json')).toBe('[]\n');
    expect(await changes()).toEqual(['quick created', 'deep created']);
    expect(await changes()).toEqual(['quick unchanged', 'deep unchanged']);
    expect(await quick()).toMatchObject({
      scheduleId: 'trueup-quickReconciliation',
      job: 'quickReconciliation',
      when: 'every 1h',
      paused: false,
    });
    await schedule('pause', 'quick', '--note', 'the source is being moved');
    configure('quick: every 3s', 'businessRules: "0 3 * * 0"');
    expect(await changes()).toEqual(['quick updated', 'deep removed', 'businessRules created']);
    expect(await quick()).toMatchObject({ when: 'every 3s', paused: true, note: 'the source is being moved' });
    configure('quick: every 3s');
    expect(await changes()).toEqual(['quick unchanged', 'businessRules removed']);
    // What somebody changed by hand is set right again.
    const by = ['--schedule-id', 'trueup-quickReconciliation', '--interval', '1h', '--type', 'quickReconciliation'];
    await scenario.temporal('schedule', 'update', ...by, '--task-queue', 'trueup', '--workflow-id', 'x');
    expect(await changes()).toEqual(['quick updated']);
    expect(await changes()).toEqual(['quick unchanged']);
  }, 120_000);

  test('what it cannot do it says, and changes nothing', async () => {
    const unknown = await scenario.trueup('schedule', 'trigger', 'deep');
    expect(unknown).toMatchObject({ code: 2, stdout: '' });
    expect(unknown.stderr).toContain('SCHEDULE_UNKNOWN: Temporal has no schedule deep (trueup-deepValidation)');
    const misspelt = await scenario.trueup('schedule', 'pause', 'quik');
    expect(misspelt.code).toBe(2);
    expect(misspelt.stderr).toMatch(/quick, comprehensive, deep, businessRules/);
    configure('quick: every 3s', 'deep: "0 2 31 2 *"');
    const never = await scenario.trueup('schedule', 'apply');
    expect(never.code).toBe(2);
    expect(never.stderr).toContain('schedules.deep: found "0 2 31 2 *", a time that never comes');
    configure('quick: every 3s');
    expect(await changes()).toEqual(['quick unchanged']);
  }, 60_000);

  test('a job is started at its times, not while paused, and at once when triggered', async () => {
    await paused();
    const before = (await jobs('quickReconciliation')).length;
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(await jobs('quickReconciliation', false)).toHaveLength(before);
    await schedule('trigger', 'quick');
    await until('the triggered job', async () => (await jobs('quickReconciliation')).length === before + 1);
    await schedule('resume', 'quick');
    await until('two jobs', async () => (await jobs('quickReconciliation')).length >= before + 3);
    const state = await quick();
    expect({ ...state, isNext: state.nextAt !== null }).toMatchObject({ paused: false, isNext: true });
    expect(state.actions).toBeGreaterThanOrEqual(3);
  }, 120_000);

  test('one that takes longer than its interval is not started twice', async () => {
    await schedule('resume', 'quick');
    const { skippedOverlap } = await quick();
    const lock = await scenario.hold('lock table customers in access exclusive mode');
    try {
      await until('a skipped start', async () => (await quick()).skippedOverlap > skippedOverlap);
      expect((await quick()).running).toHaveLength(1);
    } finally {
      await lock.release();
    }
    const done = (await jobs('quickReconciliation')).length;
    await until('the next job', async () => (await jobs('quickReconciliation')).length > done);
  }, 120_000);

  test('a worker that was down takes up what came due, once', async () => {
    await paused();
    await scenario.workers.at(-1)?.stop(10_000);
    workers -= 1;
    await schedule('resume', 'quick');
    const before = (await jobs('quickReconciliation', false)).length;
    const { skippedOverlap } = await quick();
    await until('skipped starts', async () => (await quick()).skippedOverlap >= skippedOverlap + 2);
    expect((await quick()).running).toHaveLength(1);
    expect(await jobs('quickReconciliation', false)).toHaveLength(before);
    await schedule('pause', 'quick');
    await startWorker();
    await until('the one job', async () => (await jobs('quickReconciliation')).length === before + 1);
    await paused();
    expect(await jobs('quickReconciliation', false)).toHaveLength(before + 1);
  }, 120_000);

  test('findings of high severity raise an alert, sent again until it is taken', async () => {
    webhook.refusals = 2;
    await start('deepValidation', 'deep-1', {});
    const result = await resultOf('deep-1');
    expect(result).toMatchObject({ job: 'deepValidation', status: 'inconsistent', corrections: 0, alert: 'raised' });
    expect(webhook.refused).toBe(2);
    const [alert] = webhook.alerts.splice(0);
    const high = await scenario.count(
      `select count(*) from trueup.reconciliation_log where run_id = $1 and severity in ('high', 'critical')`,
      [result.runId],
    );
    expect(high).toBeGreaterThan(0);
    expect(alert).toMatchObject({ id: result.runId, job: 'deepValidation', runId: result.runId, highSeverity: high });
    expect(alert?.findings.reduce((sum, { count }) => sum + count, 0)).toBe(high);
    const [line] = await jobs('deepValidation');
    expect(line).toMatchObject({
      run_id: result.runId,
      status: 'inconsistent',
      issues_found: String(result.issuesFound),
    });
    await until('the log line', () =>
      Promise.resolve(scenario.workers.at(-1)?.stderr.includes('"highSeverity"') === true),
    );
    const logs = scenario.workers.map(({ stdout, stderr }) => stdout + stderr).join('');
    expect(logs).not.toContain('secret-token');
  }, 120_000);

  test('the comprehensive job corrects what policy lets it, queues the rest, and waits for nobody', async () => {
    await start('comprehensiveReconciliation', 'some-rows', {});
    const result = await resultOf('some-rows');
    expect(await scenario.waitForClose('some-rows')).toBe('COMPLETED');
    const { runId } = result;
    const differing = await scenario.count(
      `select count(*) from trueup.reconciliation_log where run_id = $1 and resolution = 'IN_REVIEW'`,
      [runId],
    );
    expect(differing).toBeGreaterThan(0);
    expect(result).toMatchObject({ job: 'comprehensiveReconciliation', queued: differing });
    const faults = await scenario.ledgerFaults(runId ?? '', ['customers', 'items']);
    expect(faults).toEqual(NO_FAULTS);
    const [line] = await jobs('comprehensiveReconciliation');
    expect(line).toMatchObject({ run_id: runId, issues_found: String(result.issuesFound) });
    const needed = `select count(*) from trueup.plan_item where run_id = $1 and needs_approval`;
    expect(await scenario.count(needed, [runId])).toBe(0);
    webhook.alerts.splice(0);
  }, 120_000);

  test('a plan that waits for its approval holds up no later job', async () => {
    await start('deepValidation', 'deep-2', { apply: true });
    const { runId, status } = await resultOf('deep-2');
    expect(status).toBe('awaiting_approval');
    expect(await scenario.waitForClose('deep-2')).toBe('COMPLETED');
    const [waiting] = (await jobs('deepValidation', false)).filter((line) => line['run_id'] === runId);
    expect(waiting).toMatchObject({ status: 'awaiting_approval', ended_at: null });
    const plan = await scenario.findRun('deep-2/run');
    const approved = await scenario.trueup('reject', runId ?? '', '--reason', 'not tonight');
    expect(approved.code).toBe(0);
    expect(plan?.plan_digest).not.toBeNull();
    await scenario.waitForRun('deep-2/run', ['rejected']);
    const [ended] = (await jobs('deepValidation')).filter((line) => line['run_id'] === runId);
    expect(ended).toMatchObject({ status: 'rejected' });
    webhook.alerts.splice(0);
  }, 120_000);

  test('what is refused of a job is said; a run that fails alerts too, and its line says why', async () => {
    await start('quickReconciliation', 'quick-bad', { tabels: [] });
    expect(await scenario.waitForClose('quick-bad')).toBe('FAILED');
    await start('businessLogicValidation', 'rules-none', {});
    expect(await scenario.waitForClose('rules-none')).toBe('FAILED');
    const [line] = await jobs('businessLogicValidation');
    expect(line).toMatchObject({ status: 'failed', issues_found: '0' });
    const [alert] = webhook.alerts.splice(0);
    expect(alert).toMatchObject({
      job: 'businessLogicValidation',
      status: 'failed',
      error: { code: 'CONFIG_INVALID' },
    });
  }, 120_000);
});
