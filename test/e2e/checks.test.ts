import { Scenario, type Contents } from '../support/scenario';

const CONTENTS: Contents = {
  tables: ['orders', 'customers'],
  schema: `
    create table customers (id int primary key, name text not null);
    create table orders (id int primary key, created_at timestamptz not null, status text, amount numeric(12, 2));`,
  rows: `
    insert into customers select g, 'name ' || g from generate_series(1, 20) g;
    insert into orders select g, timestamptz '2024-03-01 00:00+00' + g * interval '1 hour', (array['new', 'paid'])[g % 2 + 1], g * 1.10
      from generate_series(1, 480) g;`,
  damage: `
    delete from orders where id in (7, 8, 9);
    update orders set amount = amount + 0.01 where id = 100;
    update orders set amount = amount + 5 where id % 40 = 0;`,
};
const RULES = `
rules:
  - name: daily totals
    sourceQuery: "select date(created_at) as day, sum(amount) as total from public.orders group by 1"
    targetQuery: "select date(created_at) as day, sum(amount) as total from orders group by 1; -- as there"
  - { name: customers, sourceQuery: "select 'all', count(*) from customers", targetQuery: "select 'all', count(*) from customers" }`;
const WRITING = `
  - { name: writing, sourceQuery: "select 1, 1", targetQuery: "with w as (delete from orders returning id) select id, 1 from w" }`;
const TABLES = `  - { name: customers, source: public.customers }
  - { name: orders, source: public.orders, checks: { groupBy: [status], countHigh: 2 } }`;

interface Report {
  readonly runId: string;
  readonly status: string;
  readonly mode: string;
  readonly remaining: number;
  readonly corrections: Record<string, number>;
  readonly tables: readonly {
    readonly name: string;
    readonly status: string;
    readonly compared: string;
    readonly rowsSource: number;
    readonly rowsTarget: number;
    readonly findings: Record<string, number>;
  }[];
  readonly checks: readonly {
    readonly kind: string;
    readonly subject: string;
    readonly status: string;
    readonly first?: readonly unknown[];
  }[];
}

describe('runs that look at counts, aggregates or business rules alone', () => {
  let scenario: Scenario;
  beforeAll(async () => {
    scenario = await Scenario.create({ contents: CONTENTS, tables: TABLES + RULES });
    await scenario.startWorker();
  });
  afterAll(() => scenario.remove());
  const run = async (...options: readonly string[]) => {
    const { code, stdout } = await scenario.trueup('run', ...options, '--json');
    return { code, report: JSON.parse(stdout) as Report };
  };
  const findings = async (...options: readonly string[]) => {
    const { stdout } = await scenario.trueup('findings', ...options, '--json');
    return stdout
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };

  test('counts', async () => {
    const { code, report } = await run('--mode', 'count');
    expect({ code, status: report.status, mode: report.mode }).toEqual({
      code: 1,
      status: 'inconsistent',
      mode: 'count',
    });
    expect(report.tables).toEqual([
      expect.objectContaining({
        name: 'customers',
        status: 'consistent',
        compared: 'counts',
        rowsSource: 20,
        rowsTarget: 20,
      }),
      expect.objectContaining({
        name: 'orders',
        status: 'inconsistent',
        compared: 'counts',
        rowsSource: 480,
        rowsTarget: 477,
      }),
    ]);
    const counted = (severity: string, key: object, source: string, target: string) =>
      expect.objectContaining({
        table: 'orders',
        type: 'count_mismatch',
        severity,
        key,
        columns: [{ name: 'count', source, target }],
      }) as unknown;
    const found = await findings(report.runId);
    expect(found).toHaveLength(3);
    expect(found).toEqual(
      expect.arrayContaining([
        counted('high', {}, '480', '477'),
        counted('medium', { status: 'new' }, '240', '239'),
        counted('medium', { status: 'paid' }, '240', '238'),
      ]),
    );
    const shown = await scenario.trueup('status', report.runId);
    expect(shown.code).toBe(1);
    expect(shown.stdout).toContain(
      'Only counts were compared: rows that differ where the counts are equal are not seen.',
    );
    expect((await run('customers', '--mode', 'count')).code).toBe(0);
  });

  test('aggregates, of which nothing is corrected', async () => {
    const before = await scenario.digestOfTarget();
    const { code, report } = await run('--mode', 'aggregate', '--apply');
    expect({ code, status: report.status, corrections: report.corrections }).toEqual({
      code: 1,
      status: 'inconsistent',
      corrections: {},
    });
    expect(report.tables.find(({ name }) => name === 'orders')).toMatchObject({
      compared: 'aggregates',
      rowsSource: 480,
      rowsTarget: 477,
      findings: { aggregate_mismatch: 2, missing_in_target: 3, field_mismatch: 13 },
    });
    expect(await scenario.digestOfTarget()).toEqual(before);
    const groups = await findings(report.runId, '--type', 'aggregate_mismatch');
    expect(groups.map(({ key, detail }) => ({ key, detail }))).toEqual(
      expect.arrayContaining([
        { key: { status: 'new' }, detail: expect.stringMatching(/^1 missing, 0 extra, 13 mismatched: id=/) as unknown },
        {
          key: { status: 'paid' },
          detail: expect.stringMatching(/^2 missing, 0 extra, 0 mismatched: id=[79]; id=[79]$/) as unknown,
        },
      ]),
    );
    expect((await run('customers', '--mode', 'aggregate')).code).toBe(0);
  });

  test('business rules, and one that fails leaves the others', async () => {
    const { code, report } = await run('--mode', 'rules');
    expect({ code, status: report.status, tables: report.tables }).toEqual({
      code: 1,
      status: 'inconsistent',
      tables: [],
    });
    expect(report.checks).toEqual([
      expect.objectContaining({ kind: 'rules', subject: 'daily totals', status: 'failed', findings: 13 }),
      expect.objectContaining({ kind: 'rules', subject: 'customers', status: 'passed', findings: 0 }),
    ]);
    expect(report.checks[0]?.first).toHaveLength(10);
    const shown = (await scenario.trueup('status', report.runId)).stdout;
    expect(shown).toMatch(/daily totals .* FAIL .* 13/);
    expect(shown).toMatch(/customers .* PASS/);
    expect(shown).toContain('Rule daily totals, the first 10 of 13 differences:');
    expect(await findings(report.runId, '--table', 'daily totals')).toHaveLength(13);

    scenario.writeConfig({ tables: TABLES + RULES + WRITING });
    const failing = await run('--mode', 'rules');
    expect({ code: failing.code, status: failing.report.status }).toEqual({ code: 4, status: 'incomplete' });
    expect(failing.report.checks).toEqual([
      expect.objectContaining({ subject: 'daily totals', status: 'failed', findings: 13 }),
      expect.objectContaining({ subject: 'customers', status: 'passed' }),
      expect.objectContaining({
        subject: 'writing',
        status: 'incomplete',
        error: expect.objectContaining({ code: 'RULE_WRITES' }) as unknown,
      }),
    ]);
    expect(await scenario.count('select count(*) from orders')).toBe(477);
  });

  test('beside the rows, and again after they were corrected', async () => {
    scenario.writeConfig({
      tables: TABLES,
      defaults: ['corrections: { missing: auto, mismatched: auto, extra: auto }'],
    });
    const { code, report } = await run('--apply', '--check', 'counts', 'aggregates');
    expect({ code, status: report.status, remaining: report.remaining }).toEqual({
      code: 0,
      status: 'applied',
      remaining: 0,
    });
    // Each row is a finding once.
    expect(report.tables.find(({ name }) => name === 'orders')?.findings).toEqual({
      missing_in_target: 3,
      field_mismatch: 13,
      count_mismatch: 3,
      aggregate_mismatch: 2,
    });
    const resolutions = (await findings(report.runId)).map(({ resolution }) => resolution);
    expect(new Set(resolutions)).toEqual(new Set(['AUTO_CORRECTED']));
    expect((await run('--mode', 'aggregate')).code).toBe(0);
  });
});
