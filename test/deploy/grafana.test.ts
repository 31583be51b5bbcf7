import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { METRIC } from '../../activities/metrics';
import { expressionsOf, metricsIn, readDashboard } from '../support/dashboard';

describe('deploy/grafana', () => {
  const dashboard = readDashboard();

  it('holds one dashboard, whose panels are told apart, explained, and lie beside each other', () => {
    expect(readdirSync(join(__dirname, '..', '..', 'deploy', 'grafana', 'dashboards'))).toEqual(['trueup.json']);
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    expect(panels.filter(({ description }) => description === '')).toEqual([]);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
  });

  it('shows each of the metrics', () => {
    const shown = new Set(expressionsOf(dashboard).flatMap(metricsIn));
    const wanted = [METRIC.inconsistencies, METRIC.autoCorrections, METRIC.drift, `${METRIC.duration}_bucket`];
    expect(wanted.filter((name) => !shown.has(name))).toEqual([]);
  });

  it('names metrics as this test reads them', () => {
    expect(metricsIn('sum by (a, le) (rate(x_total{b="y z", c=~"w"}[5m])) > 1 or up')).toEqual(['x_total', 'up']);
  });
});
