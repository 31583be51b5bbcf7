import { DefaultLogger, Runtime } from '@temporalio/worker';
import { aggregateTable } from '../../activities/aggregate';
import { endRun } from '../../activities/close-run';
import { compareChunks } from '../../activities/compare';
import { beginCounters, measureDrift, measureFindings, showDrift } from '../../activities/measure';
import { DURATION_BUCKETS, METRIC, Metrics } from '../../activities/metrics';
import { Resources } from '../../activities/resources';
import { freePort } from '../../client/embedded/free-port';
import { waitUntil } from '../../client/embedded/wait-until';
import { insertChunks } from '../../ledger/chunk';
import { chunksCutAt } from '../support/ledger';
import { OneTable } from '../support/one-table';
import { samplesOf, scrape, type Sample } from '../support/scrape';

const CONTEXT = { signal: new AbortController().signal, report: () => undefined };

describe('the metrics of a worker', () => {
  let url: string;
  let one: OneTable;
  let metrics: Metrics;
  let resources: Resources;

  beforeAll(async () => {
    const bindAddress = `127.0.0.1:${await freePort()}`;
    Runtime.install({
      logger: new DefaultLogger('ERROR'),
      telemetryOptions: {
        metrics: {
          attachServiceName: false,
          prometheus: { bindAddress, histogramBucketOverrides: { [METRIC.duration]: DURATION_BUCKETS } },
        },
      },
    });
    url = `http://${bindAddress}/metrics`;
    metrics = new Metrics(Runtime.instance().metricMeter, 1_700_000_000_000);
    one = await OneTable.create('metrics');
    resources = new Resources({ configPath: one.configPath, concurrency: 2, searchAttributes: false, metrics });
  });
  afterAll(async () => {
    await resources.close();
    await one.drop();
    await Runtime.instance().shutdown();
  });

  /** The core hands on what was counted a moment later. */
  const until = async (name: string, is: (samples: readonly Sample[]) => boolean) => {
    let samples: readonly Sample[] = [];
    await waitUntil(async () => is((samples = samplesOf(await scrape(url), name))), { timeoutMs: 20_000, everyMs: 50 });
    return samples;
  };
  const of = (table: string) => (samples: readonly Sample[]) =>
    samples.filter(({ labels }) => labels['table'] === table);

  it('have these names and labels, and no others', async () => {
    metrics.found([{ table: 'names "q"\n', type: 'anomaly', severity: 'low', n: 3 }]);
    metrics.corrected([{ table: 'names', operation: 'insert', n: 2 }]);
    metrics.drift('names', 12.5);
    metrics.ran('reconcile', 61);
    expect(of('names "q"\n')(await until(METRIC.inconsistencies, (samples) => samples.length > 0))).toEqual([
      { labels: { table: 'names "q"\n', type: 'anomaly', severity: 'low' }, value: 3 },
    ]);
    expect(of('names')(await until(METRIC.autoCorrections, (samples) => samples.length > 0))).toEqual([
      { labels: { table: 'names', correction_type: 'insert' }, value: 2 },
    ]);
    expect(of('names')(await until(METRIC.drift, (samples) => samples.length > 0))).toEqual([
      { labels: { table: 'names' }, value: 12.5 },
    ]);
    const text = await scrape(url);
    expect(samplesOf(text, `${METRIC.duration}_sum`)).toEqual([{ labels: { job_type: 'reconcile' }, value: 61 }]);
    const buckets = samplesOf(text, `${METRIC.duration}_bucket`).map(({ labels, value }) => [labels['le'], value]);
    expect(buckets).toEqual(
      [...DURATION_BUCKETS, '+Inf'].map((le) => [String(le), Number(le === '+Inf' ? Infinity : le) > 61 ? 1 : 0]),
    );
    expect(samplesOf(text, METRIC.started)).toEqual([{ labels: {}, value: 1_700_000_000 }]);
    for (const type of ['counter', 'gauge', 'histogram']) {
      expect(text).toMatch(new RegExp(`^# TYPE (reconciliation_|data_)\\w+ ${type}$`, 'm'));
    }
  });

  it('begin at 0 for the tables of the config, of which the severity is known', async () => {
    beginCounters(metrics, resources.config());
    const began = await until(METRIC.inconsistencies, (samples) => of('t')(samples).length === 3);
    expect(
      of('t')(began)
        .map(({ labels, value }) => `${labels['type']} ${labels['severity']} ${value}`)
        .sort(),
    ).toEqual(['extra_in_target high 0', 'field_mismatch medium 0', 'missing_in_target high 0']);
    expect(of('t')(await until(METRIC.autoCorrections, (samples) => of('t')(samples).length === 3))).toHaveLength(3);
  });

  it('count the findings of a table once, however often it is aggregated, and show its drift', async () => {
    await one.source.query('insert into t select generate_series(1, 4)');
    await one.target.query('insert into t values (1), (2), (3), (9)');
    const { runId } = await one.open('counted', resources);
    const ledger = await resources.ledger();
    await ledger.withTransaction('read write', (session) => insertChunks(session, runId, 't', chunksCutAt()));
    await compareChunks(resources, { runId, table: 't', from: 0, until: 1 }, CONTEXT);
    for (let i = 0; i < 3; i += 1) await aggregateTable(resources, { runId, table: 't' });
    const end = { runId, status: 'inconsistent', error: null, phases: {}, verified: null } as const;
    await endRun(resources, end);
    const found = await until(METRIC.inconsistencies, (samples) => of('t')(samples).some(({ value }) => value > 0));
    expect(
      of('t')(found)
        .map(({ labels, value }) => [labels['type'], value])
        .sort(),
    ).toEqual([
      ['extra_in_target', 1],
      ['field_mismatch', 0],
      ['missing_in_target', 1],
    ]);
    expect(of('t')(await until(METRIC.drift, (samples) => of('t')(samples).length > 0))).toEqual([
      { labels: { table: 't' }, value: 50 },
    ]);
  });

  it('show what another worker compared since, and nothing of a table that the config no longer has', async () => {
    const ledger = await resources.ledger();
    await ledger.query(`update table_drift set differing_rows = 0 where table_name = 't'`);
    await showDrift(resources, metrics);
    await until(METRIC.drift, (samples) => of('t')(samples)[0]?.value === 0);
    expect(of('t')(samplesOf(await scrape(url), METRIC.drift))).toEqual([{ labels: { table: 't' }, value: 0 }]);
    await one.source.query('create table v (id int primary key)');
    one.configure('[v]');
    resources.readConfig();
    await showDrift(resources, metrics);
    const gone = await until(METRIC.drift, (samples) => Number.isNaN(of('t')(samples)[0]?.value));
    expect(of('t')(gone)).toEqual([{ labels: { table: 't' }, value: NaN }]);
    one.configure();
    resources.readConfig();
  });

  it('fail nothing when the ledger does not answer', async () => {
    const broken = new Resources({
      configPath: '/nowhere/trueup.yaml',
      concurrency: 1,
      searchAttributes: false,
      metrics,
    });
    await expect(measureFindings(broken, 'run', null)).resolves.toBeUndefined();
    await expect(measureDrift(broken, 'run', 't')).resolves.toBeUndefined();
  });

  it('put all tables beyond the first thousand together, and show no drift of them', async () => {
    for (let i = 0; i < 1_100; i += 1) {
      metrics.found([{ table: `many_${i}`, type: 'missing_in_target', severity: 'high', n: 1 }]);
      metrics.drift(`many_${i}`, 1);
    }
    const isMany = ({ labels }: Sample) => /^many_|^\(others\)$/.test(labels['table'] ?? '');
    const sum = (samples: readonly Sample[]) => samples.filter(isMany).reduce((n, { value }) => n + value, 0);
    const found = await until(METRIC.inconsistencies, (samples) => sum(samples) === 1_100);
    expect(sum(found)).toBe(1_100);
    expect(found.filter(isMany).length).toBeLessThanOrEqual(1_001);
    expect(of('(others)')(found)[0]?.value).toBeGreaterThanOrEqual(100);
    expect(of('(others)')(samplesOf(await scrape(url), METRIC.drift))).toEqual([]);
  });
});
