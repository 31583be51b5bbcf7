import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEMO_CONFIG } from '../../client/demo/config-text';
import { DEMO_TABLES, type DemoTable } from '../../client/demo/inventory';
import { seedDemo } from '../../client/demo/seed';
import type { Finding } from '../../contracts/finding';
import type { RunReport } from '../../contracts/run';
import type { TextRow } from '../support/database';
import {
  aggregatesByPlainSql,
  columnsByPlainSql,
  countsByPlainSql,
  driftByPlainSql,
  keyLine,
  orphansByPlainSql,
  rowsByPlainSql,
  ruleByPlainSql,
  timesByPlainSql,
  type TwoSides,
} from '../support/plain-sql';
import { Scenario } from '../support/scenario';

/*
 * What each way of looking finds in the demo's databases, held against plain SQL on both of them: nothing is missed, and
 * nothing invented.
 */

jest.setTimeout(300_000);

/** Whatever the day, no row was changed after it was first compared. */
const LONG_AGO = DEMO_TABLES.map((table) => `update public.${table} set updated_at = '2001-01-01'`).join(';');
const ROW_TYPES = ['missing_in_target', 'extra_in_target', 'field_mismatch'];

let scenario: Scenario;
let sides: TwoSides;

/** The demo's config with further fields of some tables, and further lines. */
function configure(fields: Partial<Record<DemoTable, string>> = {}, more = ''): void {
  const [head = ''] = DEMO_CONFIG.split('tables:\n');
  const tables = DEMO_TABLES.map((name) => `  - { name: ${name}, updatedAt: updated_at, ${fields[name] ?? ''} }`);
  const fast = head.replace('delay: 1s', 'delay: 50ms') + '  sample: { confidence: 0.999 }\n';
  writeFileSync(join(scenario.folder, 'trueup.yaml'), `${fast}tables:\n${tables.join('\n')}\n${more}`);
}

const DEMO_CHECKS = {
  orders: 'checks: { order: ["created_at <= shipped_at"] }',
  transactions: 'checks: { references: [{ columns: [order_ref], parent: orders }] }',
};

async function run(...options: readonly string[]) {
  const { code, stdout } = await scenario.trueup('run', ...options, '--json');
  const report = JSON.parse(stdout) as RunReport;
  const listed = await scenario.trueup('findings', report.runId, '--json');
  const findings = listed.stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Finding);
  return { code, report, findings };
}

const keyOf = ({ key }: Finding) => Object.values(key).join();
const values = ({ columns }: Finding) =>
  columns.map(({ name, source, target }) => `${name}: ${source ?? 'NULL'} / ${target ?? 'NULL'}`).sort();
const rowLines = (findings: readonly Finding[]) =>
  findings
    .filter(({ type }) => ROW_TYPES.includes(type))
    .map((found) =>
      [found.table, found.type, keyOf(found), ...(found.type === 'field_mismatch' ? values(found) : [])].join('; '),
    )
    .sort();
const linesOf = (findings: readonly Finding[], type: string, line: (found: Finding) => string) =>
  findings
    .filter((found) => found.type === type)
    .map(line)
    .sort();
const numberOfTypes = (findings: readonly Finding[]) => new Set(findings.map(({ type }) => type));

describe('in the databases of the demo', () => {
  beforeAll(async () => {
    scenario = await Scenario.create({ contents: { tables: [], schema: 'select 1;', rows: '', damage: '' } });
    await seedDemo({ sourceUrl: scenario.sourceUrl, targetUrl: scenario.targetUrl, scale: 0.02 });
    for (const side of ['source', 'target'] as const) await scenario[side](LONG_AGO);
    const utc = (sql: string) => `set timezone = 'UTC'; ${sql}`;
    sides = {
      source: (sql: string): Promise<TextRow[]> => scenario.source(utc(sql)),
      target: (sql: string): Promise<TextRow[]> => scenario.target(utc(sql)),
    };
    configure(DEMO_CHECKS);
    await scenario.startWorker();
  });
  afterAll(() => scenario?.remove());

  test('a full run finds all six types', async () => {
    const { code, report, findings } = await run();
    expect({ code, status: report.status }).toEqual({ code: 1, status: 'inconsistent' });
    const expected = await rowsByPlainSql(sides, DEMO_TABLES);
    expect(expected.length).toBeGreaterThan(300);
    expect(rowLines(findings)).toEqual(expected);

    const orphans = await orphansByPlainSql(sides);
    expect(orphans.length).toBeGreaterThan(10);
    expect(
      linesOf(findings, 'referential_violation', (found) => {
        const fix = found.detail?.endsWith('insert it from there') ? 'insert' : 'review';
        return `${found.table} ${keyOf(found)} ${found.columns[0]?.target ?? 'NULL'} ${fix}`;
      }),
    ).toEqual(orphans);

    const times = await timesByPlainSql(sides);
    expect(times.length).toBeGreaterThan(6);
    expect(
      linesOf(findings, 'temporal_violation', (found) => {
        const [, rows] = /^\w+: off by \S.* in (\d+) of the \d+ rows/.exec(found.detail ?? '') ?? [];
        return rows === undefined
          ? `${found.table} ${keyOf(found)} ${found.detail ?? ''}`
          : `${found.table}.${found.key['column'] ?? ''} ${rows} rows`;
      }),
    ).toEqual(times);

    const drift = await driftByPlainSql(sides);
    expect(drift).toHaveLength(2);
    expect(
      linesOf(findings, 'schema_drift', ({ table, key, columns }) =>
        [
          `${table}.${key['name'] ?? ''}`,
          ...columns.map(({ source, target }) => `${source ?? 'none'} / ${target ?? 'none'}`),
        ].join(' '),
      ),
    ).toEqual(drift);
    expect(numberOfTypes(findings)).toEqual(
      new Set([...ROW_TYPES, 'referential_violation', 'temporal_violation', 'schema_drift']),
    );
    expect(report.checks.filter(({ status }) => status === 'incomplete')).toEqual([]);
  });

  test('counts find each group that has other numbers of rows, the group of NULL too', async () => {
    const groups: Partial<Record<DemoTable, readonly string[]>> = {
      currencies: ['symbol'],
      customers: ['tier', 'phone'],
      accounts: ['currency', 'status'],
      orders: ['status', 'date(created_at)'],
      order_items: ['quantity'],
      transactions: ['kind', 'memo'],
    };
    const checks = Object.entries(groups).map(([table, by]) => [table, `checks: { groupBy: ${JSON.stringify(by)} }`]);
    configure(Object.fromEntries(checks) as Partial<Record<DemoTable, string>>);
    const { code, report, findings } = await run('--mode', 'count');
    expect({ code, status: report.status }).toEqual({ code: 1, status: 'inconsistent' });
    const expected = await countsByPlainSql(sides, groups);
    expect(expected.filter((line) => line.includes('NULL')).length).toBeGreaterThan(1);
    expect(
      linesOf(findings, 'count_mismatch', (found) => [found.table, keyLine(found.key), ...values(found)].join('; ')),
    ).toEqual(expected);
    expect(numberOfTypes(findings)).toEqual(new Set(['count_mismatch']));
  });

  test('aggregates find each day and status that differs, and the rows of it', async () => {
    configure();
    const { code, report, findings } = await run('--mode', 'aggregate');
    expect({ code, status: report.status }).toEqual({ code: 1, status: 'inconsistent' });
    const expected = await aggregatesByPlainSql(sides, {
      currencies: [[], ['minor_units']],
      customers: [['date(created_at)'], []],
      accounts: [['status'], ['customer_id', 'balance']],
      orders: [
        ['date(created_at)', 'status'],
        ['customer_id', 'amount'],
      ],
      order_items: [[], ['order_id', 'quantity', 'unit_price']],
      transactions: [['date(booked_at)'], ['order_ref', 'amount']],
    });
    expect(expected.length).toBeGreaterThan(100);
    const found = linesOf(findings, 'aggregate_mismatch', (each) =>
      [
        each.table,
        keyLine(each.key),
        ...values(each).map((value) => value.replace(/^checksum: .*/, 'checksum')),
        each.detail?.split(':')[0] ?? '',
      ].join('; '),
    );
    expect(found).toEqual(expected);
    expect(rowLines(findings)).toEqual(await rowsByPlainSql(sides, DEMO_TABLES));
    expect(numberOfTypes(findings)).toEqual(new Set([...ROW_TYPES, 'aggregate_mismatch']));
  });

  test('rules find each key that they do not hold for', async () => {
    const rules = {
      'orders by day': 'select date(created_at) as day, sum(amount) as total from orders group by 1',
      'balance by currency': 'select currency, status, sum(balance) as total from accounts group by 1, 2',
      'names of currencies': `select code, name from currencies where code <> 'XTS'`,
    };
    const entries = Object.entries(rules).map(
      ([name, sql]) =>
        `  - { name: ${name}, sourceQuery: ${JSON.stringify(sql)}, targetQuery: ${JSON.stringify(sql)} }`,
    );
    configure({}, `rules:\n${entries.join('\n')}\n`);
    const { code, report, findings } = await run('--mode', 'rules');
    expect({ code, status: report.status }).toEqual({ code: 1, status: 'inconsistent' });
    const expected = await Promise.all(Object.entries(rules).map(([name, sql]) => ruleByPlainSql(sides, name, sql)));
    expect(expected.map((lines) => lines.length > 0)).toEqual([true, true, false]);
    expect(
      linesOf(findings, 'rule_violation', (found) =>
        [found.table, keyLine(found.key), ...values(found), found.detail?.split(' ')[0] ?? ''].join('; '),
      ),
    ).toEqual(expected.flat().sort());
    expect(report.checks.map(({ subject, status }) => [subject, status])).toEqual([
      ['orders by day', 'failed'],
      ['balance by currency', 'failed'],
      ['names of currencies', 'passed'],
    ]);
    expect(numberOfTypes(findings)).toEqual(new Set(['rule_violation']));
  });

  test('a sample of all rows finds what differs; a smaller one tells about how much', async () => {
    configure();
    const all = await rowsByPlainSql(sides, DEMO_TABLES);
    const whole = await run('--mode', 'sample', '--sample-rows', '100000');
    expect(whole.code).toBe(1);
    expect(rowLines(whole.findings)).toEqual(all);
    const part = await run('--mode', 'sample', '--sample-rows', '600', '--seed', '7');
    for (const table of DEMO_TABLES) {
      const population = (await columnsByPlainSql(sides, table)).keys;
      const rate = all.filter((line) => line.startsWith(`${table};`)).length / population;
      const ofWhole = whole.report.tables.find(({ name }) => name === table)?.estimate;
      expect({ table, ...ofWhole }).toMatchObject({ table, whole: true, population, rate, rateInterval: [rate, rate] });
      const estimate = part.report.tables.find(({ name }) => name === table)?.estimate;
      expect({ table, sampled: estimate?.sampled }).toEqual({ table, sampled: Math.min(600, population) });
      const [low = 1, high = 0] = estimate?.rateInterval ?? [];
      expect({ table, low: low <= rate, high: rate <= high }).toEqual({ table, low: true, high: true });
      if (population > 600) expect(high - low).toBeLessThan(0.2);
    }
    const lines = rowLines(part.findings);
    expect(lines.length).toBeGreaterThan(20);
    expect(lines.length).toBeLessThan(all.length);
    expect(lines.filter((line) => !all.includes(line))).toEqual([]);
    const again = await run('--mode', 'sample', '--sample-rows', '600', '--seed', '7', 'orders');
    expect(rowLines(again.findings)).toEqual(lines.filter((line) => line.startsWith('orders;')));
    const other = await run('--mode', 'sample', '--sample-rows', '600', '--seed', '8', 'orders');
    expect(rowLines(other.findings)).not.toEqual(rowLines(again.findings));
  });

  test('an incremental run finds what was changed on either side since; of what was deleted only the count', async () => {
    const known = await rowsByPlainSql(sides, DEMO_TABLES);
    const same = async (table: DemoTable, n: number) => {
      const { alike } = await columnsByPlainSql(sides, table);
      return alike.slice(0, n);
    };
    const [changed, touched, silent] = await same('orders', 3);
    const [item] = (await same('order_items', 1)) as [string];
    const now = 'updated_at = clock_timestamp()';
    await scenario.source(`update orders set amount = amount + 1, ${now} where id = ${changed ?? ''};
      insert into currencies values ('XAU', 'Gold', 0, null, clock_timestamp(), 1)`);
    await scenario.target(`update orders set amount = amount + 2, ${now} where id = ${touched ?? ''};
      update orders set amount = amount + 3 where id = ${silent ?? ''};
      delete from order_items where id = ${item}`);
    const { code, report, findings } = await run('--mode', 'incremental');
    expect({ code, status: report.status }).toEqual({ code: 1, status: 'inconsistent' });
    expect(report.tables.map(({ compared }) => compared)).toEqual(DEMO_TABLES.map(() => 'changed rows'));
    const differing = await rowsByPlainSql(sides, DEMO_TABLES);
    const unseen = differing.filter((line) =>
      [`orders; field_mismatch; ${silent ?? ''};`, `order_items; missing_in_target; ${item};`].some((start) =>
        `${line};`.startsWith(start),
      ),
    );
    expect(unseen).toHaveLength(2);
    expect(differing).toHaveLength(known.length + 5);
    expect(rowLines(findings)).toEqual(differing.filter((line) => !unseen.includes(line)));
    expect(
      linesOf(findings, 'count_mismatch', (found) => [found.table, keyLine(found.key), ...values(found)].join('; ')),
    ).toEqual(await countsByPlainSql(sides, {}));
    // All of it is seen by the next full run.
    expect(rowLines((await run('orders', 'order_items')).findings)).toEqual(
      differing.filter((line) => /^order(s|_items);/.test(line)),
    );
  });

  test('the anomalies that are planted are among those found, for what was planted', async () => {
    const planted = await scenario.target(`update orders set amount = amount * 1000
      where id in (select id from orders where amount > 800 order by id limit 6) returning id`);
    const { findings, report } = await run('orders', 'order_items', '--mode', 'count', '--check', 'anomalies');
    const anomalies = findings.filter(({ type }) => type === 'anomaly');
    const ofOrders = anomalies.filter(({ table }) => table === 'orders');
    for (const { id } of planted) {
      const found = ofOrders.find(({ key }) => key['id'] === id);
      expect({ id, found: found?.type, severity: found?.severity }).toEqual({ id, found: 'anomaly', severity: 'high' });
      expect(found?.columns.map(({ name }) => name)).toContain('amount');
    }
    // About as many more as are the most unusual of the source.
    for (const { name, rowsTarget } of report.tables) {
      const found = anomalies.filter(({ table }) => table === name).length;
      expect({ name, share: found / rowsTarget < 0.1 }).toEqual({ name, share: true });
    }
  });
});
