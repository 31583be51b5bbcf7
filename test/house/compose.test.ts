import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { parseConfig } from '../../config/load';
import { createDatabasePair } from '../support/database';

const CHECKOUT = join(__dirname, '..', '..');
const read = (file: string) => readFileSync(join(CHECKOUT, file), 'utf8');

interface Service {
  readonly image?: string;
  readonly build?: { readonly dockerfile: string };
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly profiles?: readonly string[];
}

const text = read('docker-compose.yml');
const compose = parse(text, { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};
const services = Object.entries(compose.services);

/** What Compose puts in place of ${NAME:?…} and ${NAME:-default}. */
const REFERENCE = /\$\{(\w+)(?::(\?|-)([^}]*))?\}/g;

describe('docker-compose.yml', () => {
  it('has Temporal with a database of its own, Temporal Web, both sides, a worker, and what watches it', () => {
    const names = ['temporal-postgres', 'temporal-schema', 'temporal', 'temporal-namespace', 'temporal-ui'];
    expect(services.map(([name]) => name)).toEqual([...names, 'source', 'target', 'worker', 'prometheus', 'grafana']);
  });

  it('starts what watches the worker only when asked to, and lets it reach the worker and find its files', () => {
    const asked = services.filter(([, { profiles }]) => profiles !== undefined);
    expect(asked.map(([name, { profiles }]) => [name, profiles])).toEqual([
      ['prometheus', ['monitoring']],
      ['grafana', ['monitoring']],
    ]);
    const { scrape_configs: jobs } = parse(read('deploy/prometheus/prometheus.yml')) as {
      readonly scrape_configs: readonly {
        readonly static_configs: readonly { readonly targets: readonly string[] }[];
      }[];
    };
    expect(jobs.flatMap((job) => job.static_configs.flatMap(({ targets }) => targets))).toEqual(['worker:9464']);
    expect(compose.services['worker']?.environment?.['TRUEUP_METRICS_ADDRESS']).toBe('0.0.0.0:9464');
    const { datasources } = parse(read('deploy/grafana/provisioning/datasources/prometheus.yml')) as {
      readonly datasources: readonly { readonly url: string }[];
    };
    expect(datasources.map(({ url }) => url)).toEqual(['http://prometheus:9090']);
    const { providers } = parse(read('deploy/grafana/provisioning/dashboards/trueup.yml')) as {
      readonly providers: readonly { readonly options: { readonly path: string } }[];
    };
    const mounted = compose.services['grafana']?.volumes?.map((volume) => volume.split(':')[1]);
    expect(mounted).toContain(providers[0]?.options.path);
  });

  it.each(services)('%s: its image is pinned to a version', (_, { image }) => {
    expect(image).toMatch(/^[\w./-]+:\d+\.\d+(\.\d+)?$|^[\w./-]+:v?\d+\.\d+\.\d+$/);
  });

  it.each(services)('%s: what it waits for can come true', (_, { depends_on: dependsOn = {} }) => {
    for (const [name, { condition }] of Object.entries(dependsOn)) {
      const awaited = compose.services[name];
      expect(awaited).toBeDefined();
      expect(['service_healthy', 'service_completed_successfully']).toContain(condition);
      if (condition === 'service_healthy') expect(awaited?.healthcheck?.test.length).toBeGreaterThan(1);
    }
  });

  it.each(services)('%s: its files are in the checkout, its volumes are declared', (_, { volumes = [], build }) => {
    if (build) expect(existsSync(join(CHECKOUT, build.dockerfile))).toBe(true);
    for (const volume of volumes) {
      const from = volume.split(':')[0] ?? '';
      if (from.startsWith('.')) expect(existsSync(join(CHECKOUT, from))).toBe(true);
      else expect(compose.volumes).toHaveProperty(from);
    }
  });

  it.each(services)('%s: every password is required from the environment', (_, { environment = {} }) => {
    for (const [name, value] of Object.entries(environment)) {
      if (/PASSWORD|PWD|SECRET|KEY/.test(name)) expect(value).toMatch(/^\$\{\w+_PASSWORD:\?[^}]+\}$/);
      for (const [, password] of value.matchAll(/:\/\/\w+:([^@]*)@/g)) {
        expect(password).toMatch(/^\$\{\w+_PASSWORD:\?[^}]+\}$/);
      }
    }
  });

  it('names no variable that .env.example does not', () => {
    const example = read('.env.example');
    const named = [...text.matchAll(REFERENCE)].map(([, name]) => name ?? '');
    for (const name of named) expect(example).toMatch(new RegExp(`^(# )?${name}=`, 'm'));
    // The example itself holds no password either.
    expect(example.match(/^\w*PASSWORD=.*$/gm)?.every((line) => line.endsWith('='))).toBe(true);
  });

  it('listens on this machine only', () => {
    const ports = services.flatMap(([, service]) => service.ports ?? []);
    expect(ports.length).toBeGreaterThan(0);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it("gives the worker a config that loads, and a base image with glibc, and another user than root's", () => {
    const given = compose.services['worker']?.environment ?? {};
    const env = Object.fromEntries(
      Object.entries(given).map(([name, value]) => [name, value.replaceAll(REFERENCE, 'secret')]),
    );
    const config = parseConfig(read('examples/compose/trueup.yaml'), 'trueup.yaml', env);
    expect(config.connectionUrl('legacy')).toBe('postgres://postgres:secret@source:5432/legacy');
    expect(config.connectionUrl('modern')).toBe('postgres://postgres:secret@target:5432/modern');
    const dockerfile = read('deploy/worker.Dockerfile');
    expect(dockerfile.match(/^FROM .*$/gm)?.every((line) => /:\d+\.\d+-bookworm-slim/.test(line))).toBe(true);
    expect(dockerfile).toMatch(/^USER (?!root)/m);
  });

  it('fills two databases that disagree as it says', async () => {
    const { source, target, drop } = await createDatabasePair('compose example');
    await source.query(read('deploy/postgres/source.sql'));
    await target.query(read('deploy/postgres/target.sql'));
    const rows = 'select count(*)::int as n from orders';
    expect(await source.query(rows)).toEqual([{ n: '5000' }]);
    expect(await target.query(rows)).toEqual([{ n: '4999' }]);
    await drop();
  });
});
