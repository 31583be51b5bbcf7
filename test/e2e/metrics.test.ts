import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { METRIC } from '../../activities/metrics';
import { expressionsOf, metricsIn, readDashboard } from '../support/dashboard';
import { PrometheusServer } from '../support/prometheus';
import { Scenario } from '../support/scenario';
import { namesIn, scrape } from '../support/scrape';
import type { RunningProcess } from '../support/process';

jest.setTimeout(300_000);

const RULES = join(__dirname, '..', '..', 'deploy', 'prometheus', 'alerts.yml');
/** What Prometheus itself adds. */
const OF_PROMETHEUS = ['up', 'ALERTS'];

describe('a worker that Prometheus watches', () => {
  let scenario: Scenario;
  let worker: RunningProcess;
  let url: string;
  let prometheus: PrometheusServer;
  const prometheusOf = (targets: readonly string[]) => ({
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [RULES],
    scrape_configs: [{ job_name: 'trueup-worker', static_configs: [{ targets }] }],
  });

  beforeAll(async () => {
    scenario = await Scenario.create({
      defaults: ['corrections: { missing: auto, mismatched: approve, extra: approve }'],
    });
    worker = await scenario.startWorker({ TRUEUP_METRICS_ADDRESS: '127.0.0.1:0' });
    url = /"metrics":"([^"]+)"/.exec(await worker.waitForLine(/worker ready/))?.[1] ?? '';
    prometheus = await PrometheusServer.start(prometheusOf([new URL(url).host]));
  });
  afterAll(async () => {
    await prometheus?.stop();
    await scenario?.remove();
  });

  const byLabels = async (expression: string, labels: readonly string[]) => {
    const series = await prometheus.query(expression);
    return Object.fromEntries(
      series.map(({ metric, value }) => [labels.map((label) => metric[label]).join(' '), value]),
    );
  };
  const inLedger = async (sql: string, values: readonly unknown[] = []) =>
    Object.fromEntries(
      (await scenario.target(sql, values)).map((row) => [row['name'] ?? '', Number(row['n'])]),
    ) as Record<string, number>;

  test('before any run the counters of all tables stand at 0', async () => {
    const began = `count(${METRIC.inconsistencies}) and sum(${METRIC.inconsistencies}) == 0`;
    const tables = scenario.contents.tables.length;
    await prometheus.until(began, ([first]) => first?.value === 3 * tables);
    expect(await prometheus.query(`sum(${METRIC.autoCorrections})`)).toEqual([{ metric: {}, value: 0 }]);
    expect(await prometheus.query(METRIC.drift)).toEqual([]);
  });

  test('a run is counted as the ledger has it, and the alert fires', async () => {
    const id = await scenario.startReconcile({ apply: true, requestedBy: 'Bo' });
    const { run_id: runId, plan_digest: digest } = await scenario.waitForRun(id, ['awaiting_approval']);
    // What was found is counted while the run still waits.
    const found = await inLedger(
      `select concat_ws(' ', table_name, inconsistency_type, severity) as name, count(*) as n
         from trueup.reconciliation_log where run_id = $1 group by 1`,
      [runId],
    );
    const total = Object.values(found).reduce((sum, n) => sum + n, 0);
    expect(total).toBeGreaterThan(1_000);
    await prometheus.until(`sum(${METRIC.inconsistencies})`, ([first]) => first?.value === total);
    expect(await byLabels(`${METRIC.inconsistencies} > 0`, ['table', 'type', 'severity'])).toEqual(found);
    const drift = await inLedger(
      `select table_name as name, 100 * (select count(*) from trueup.reconciliation_log l
          where l.run_id = t.run_id and l.table_name = t.table_name and l.inconsistency_type = any ($2))::float8 / rows_source as n
         from trueup.run_table t where run_id = $1`,
      [runId, ['missing_in_target', 'extra_in_target', 'field_mismatch']],
    );
    await prometheus.until(`count(${METRIC.drift})`, ([first]) => first?.value === scenario.contents.tables.length);
    for (const [table, value] of Object.entries(await byLabels(METRIC.drift, ['table']))) {
      expect(value).toBeCloseTo(drift[table] ?? NaN, 9);
    }
    await prometheus.until(
      'ALERTS{alertname="HighDataInconsistency", alertstate="firing"}',
      (series) => series.length > 0,
    );
    expect(await prometheus.query(`${METRIC.duration}_count`)).toEqual([]);

    await scenario.approve(id, digest ?? '');
    await scenario.waitForRun(id, ['applied']);
    expect(await scenario.waitForClose(id)).toBe('COMPLETED');
    const automatic = await inLedger(
      `select concat_ws(' ', table_name, operation) as name, count(*) as n from trueup.correction_log
        where run_id = $1 and status = 'SUCCESS' and approver is null group by 1`,
      [runId],
    );
    const inserted = Object.values(automatic).reduce((sum, n) => sum + n, 0);
    expect(inserted).toBeGreaterThan(100);
    await prometheus.until(`sum(${METRIC.autoCorrections})`, ([first]) => first?.value === inserted);
    expect(await byLabels(`${METRIC.autoCorrections} > 0`, ['table', 'correction_type'])).toEqual(automatic);
    const [ended] = await prometheus.until(`${METRIC.duration}_count`, (series) => series.length > 0);
    expect(ended).toMatchObject({ metric: { job_type: 'reconcile' }, value: 1 });
    const [seconds] = await prometheus.query(`${METRIC.duration}_sum`);
    const took = await scenario.count(
      'select extract(epoch from ended_at - started_at) from trueup.run where run_id = $1',
      [runId],
    );
    expect(seconds?.value).toBeGreaterThan(0);
    expect(seconds?.value).toBeLessThan(took);
    // Nothing was counted twice meanwhile.
    expect(await prometheus.query(`sum(${METRIC.inconsistencies})`)).toEqual([{ metric: {}, value: total }]);
  });

  test('the run of a scheduled job is counted under the job', async () => {
    const input = JSON.stringify({ tables: ['labels'] });
    const args = ['--type', 'deepValidation', '--task-queue', 'trueup', '--workflow-id', 'deep', '--input', input];
    await scenario.temporal('workflow', 'start', ...args);
    const count = `${METRIC.duration}_count{job_type="deepValidation"}`;
    expect((await prometheus.until(count, (series) => series.length > 0))[0]?.value).toBe(1);
    expect((await prometheus.query(`${METRIC.duration}_count{job_type="reconcile"}`))[0]?.value).toBe(1);
  });

  test('the labels are those that are promised, and no row is in them', async () => {
    const labelsOf = async (name: string) => {
      const series = await prometheus.query(name);
      return [...new Set(series.flatMap(({ metric }) => Object.keys(metric)))].sort();
    };
    const own = ['__name__', 'instance', 'job'];
    expect(await labelsOf(METRIC.inconsistencies)).toEqual([...own, 'severity', 'table', 'type']);
    expect(await labelsOf(METRIC.autoCorrections)).toEqual([own[0], 'correction_type', ...own.slice(1), 'table']);
    expect(await labelsOf(METRIC.drift)).toEqual([...own, 'table']);
    expect(await labelsOf(`${METRIC.duration}_bucket`)).toEqual([...own, 'job_type', 'le']);
    expect(await scrape(url)).not.toContain('Customer ');
  });

  test('every expression of the dashboard parses, and asks for metrics that there are', async () => {
    const names = namesIn(await scrape(url));
    expect([...names].filter((name) => name.startsWith('temporal_')).length).toBeGreaterThan(10);
    const expressions = expressionsOf(readDashboard());
    expect(expressions.length).toBeGreaterThan(10);
    for (const expression of expressions) {
      await prometheus.query(expression);
      const metrics = metricsIn(expression);
      expect(metrics.length).toBeGreaterThan(0);
      const unknown = metrics.filter(
        (name) => !OF_PROMETHEUS.includes(name) && !names.has(name.replace(/_(bucket|count|sum)$/, '')),
      );
      expect([expression, unknown]).toEqual([expression, []]);
    }
    await expect(prometheus.query('sum(')).rejects.toThrow('parse error');
  });

  test('after a restart the drift is there again, and a comparison by another worker changes it', async () => {
    await worker.stop();
    await prometheus.until('up', ([first]) => first?.value === 0);
    const { host } = new URL(url);
    worker = await scenario.startWorker({ TRUEUP_METRICS_ADDRESS: host });
    const before = await prometheus.until(METRIC.drift, (series) => series.length === scenario.contents.tables.length);
    expect(before.some(({ value }) => value > 1)).toBe(true);
    // Whichever of the two compares a table, the one that is watched shows it.
    await scenario.startWorker();
    const id = await scenario.startReconcile({});
    expect((await scenario.waitForRun(id, ['consistent', 'inconsistent'], 120_000)).status).toBe('consistent');
    const left = await inLedger(`select table_name as name, differing_rows as n from trueup.table_drift`);
    expect(Math.max(...Object.values(left))).toBe(0);
    await prometheus.until(METRIC.drift, (series) => series.length > 0 && series.every(({ value }) => value === 0));
  });
});

describe('an address that cannot be served at', () => {
  let scenario: Scenario;
  let taken: Server;
  beforeAll(async () => {
    scenario = await Scenario.create();
    taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    await new Promise((resolve) => taken.close(resolve));
    await scenario.remove();
  });

  test.each(['9464', 'localhost', '127.0.0.1:70000', ''])('--metrics %j', async (address) => {
    const { code, stderr } = await scenario.trueup('worker', '--metrics', address);
    expect(stderr).toContain(
      `METRICS_ADDRESS_UNUSABLE: --metrics: found ${JSON.stringify(address)}, allowed is HOST:PORT`,
    );
    expect(code).toBe(2);
  });

  test('one that is taken, one of another machine, and a host that is none, by name', async () => {
    const address = taken.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    for (const [given, why] of [
      [`127.0.0.1:${port}`, 'somebody listens there already'],
      ['192.0.2.1:9464', 'this machine has no such address'],
      ['no-such-host.invalid:9464', 'there is no host of that name'],
    ] as const) {
      const { code, stderr } = await scenario.trueup('worker', '--metrics', given);
      expect(stderr).toContain(`"code":"METRICS_ADDRESS_UNUSABLE"`);
      expect(stderr).toContain(`metrics at ${given}: ${why}`);
      expect(code).toBe(2);
    }
  });
});
