import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { runTool } from '../../client/embedded/run-tool';
import { unpackDebian } from '../support/debian-package';
import { findPrometheus, PROMETHEUS, type PrometheusTools } from '../support/prometheus-tools';

const DEPLOYED = join(__dirname, '..', '..', 'deploy', 'prometheus');
const ALERTS = ['AutoCorrectionRateHigh', 'DataDriftHigh', 'HighDataInconsistency', 'ReconciliationJobFailed'];

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly expr: string; readonly annotations: object }[];
  }[];
}

interface RuleTests {
  readonly tests: readonly {
    readonly promql_expr_test: readonly { readonly exp_samples: readonly { readonly value: number }[] }[];
  }[];
}

describe('deploy/prometheus', () => {
  let tools: PrometheusTools;
  let folder: string;
  beforeAll(async () => {
    tools = await findPrometheus();
    folder = mkdtempSync(join(tmpdir(), 'trueup-alerts-'));
    cpSync(DEPLOYED, folder, { recursive: true });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const read = (file: string) => readFileSync(join(DEPLOYED, file), 'utf8');
  const promtool = (...args: string[]) => runTool(tools.promtool, args, 120_000, { cwd: folder });
  const { rules } = (parse(read('alerts.yml')) as Rules).groups[0] ?? { rules: [] };

  it('is not tested without Prometheus: what is missing is said', async () => {
    await expect(unpackDebian(PROMETHEUS, join(folder, 'unpacked'), 'no-such-apt-get')).rejects.toThrow(
      'no Prometheus: put prometheus and promtool on PATH, or mend apt: no-such-apt-get update: not found',
    );
  });

  it('holds a config and four alerts that Prometheus takes', async () => {
    expect(await promtool('check', 'config', 'prometheus.yml')).toMatchObject({ ok: true });
    expect(rules.map(({ alert }) => alert).sort()).toEqual(ALERTS);
    for (const { annotations } of rules) expect(Object.keys(annotations)).toEqual(['summary', 'description']);
    expect(readdirSync(join(DEPLOYED, 'tests')).sort()).toEqual(ALERTS.map((alert) => `${alert}.yml`));
  });

  it.each(ALERTS)('%s fires and clears as its tests say', async (alert) => {
    const { tests } = parse(read(`tests/${alert}.yml`)) as RuleTests;
    const counts = tests.flatMap((test) => test.promql_expr_test.flatMap((check) => check.exp_samples));
    expect(counts.filter(({ value }) => value === 0).length).toBeGreaterThan(2);
    expect(counts.filter(({ value }) => value > 0).length).toBeGreaterThan(2);
    const result = await promtool('test', 'rules', join('tests', `${alert}.yml`));
    expect({ ...result, stdout: '' }).toEqual({ ok: true, stdout: '', reason: '' });
  });

  it.each(ALERTS)(
    '%s could not be made never to fire, or never to clear, without its tests saying so',
    async (alert) => {
      const { expr } = rules.find((rule) => rule.alert === alert) ?? { expr: '' };
      for (const [name, other] of [
        ['never', 'vector(0) > 1'],
        ['ever', 'vector(1)'],
        ['always', `(${expr}) or vector(1)`],
      ] as const) {
        const copy = `${alert}-${name}`;
        const mutant = { groups: [{ name: 'trueup', rules: [{ alert, expr: other }] }] };
        writeFileSync(join(folder, `${copy}.yml`), JSON.stringify(mutant));
        const tests = read(`tests/${alert}.yml`).replace('../alerts.yml', `../${copy}.yml`);
        writeFileSync(join(folder, 'tests', `${copy}.yml`), tests);
        expect(await promtool('test', 'rules', join('tests', `${copy}.yml`))).toMatchObject({ ok: false });
      }
    },
  );

  it('HighDataInconsistency needs all it is made of', async () => {
    const expr = rules.find(({ alert }) => alert === 'HighDataInconsistency')?.expr ?? '';
    const mutants = {
      increaseAlone: 'sum(increase(reconciliation_inconsistencies_total[5m])) > 100',
      rawValue: 'sum(reconciliation_inconsistencies_total) > 100',
      rate: 'sum(rate(reconciliation_inconsistencies_total[5m])) > 100',
      anyNewSeries: expr.replace(/and on \(job, instance\)\s+\(up[^\n]*\n/, '\n'),
      noFreshWorker: expr.replace(/ or time\(\) - process_start_time_seconds\{[^}]*\} < 300/, ''),
      hundred: expr.replace('> 100', '>= 100'),
    };
    for (const [name, mutant] of Object.entries(mutants)) {
      expect(mutant).not.toBe(expr);
      const alerts = { groups: [{ name: 'trueup', rules: [{ alert: 'HighDataInconsistency', expr: mutant }] }] };
      writeFileSync(join(folder, `${name}.yml`), JSON.stringify(alerts));
      expect(await promtool('check', 'rules', `${name}.yml`)).toMatchObject({ ok: true });
      const tests = read('tests/HighDataInconsistency.yml').replace('../alerts.yml', `../${name}.yml`);
      writeFileSync(join(folder, 'tests', `${name}.yml`), tests);
      const result = await promtool('test', 'rules', join('tests', `${name}.yml`));
      expect([name, result.ok]).toEqual([name, false]);
    }
  });
});
