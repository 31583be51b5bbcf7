import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { pairOf } from '../../config/config';
import { loadConfig, parseConfig } from '../../config/load';
import { TrueupError } from '../../contracts/errors';

const CONNECTIONS = `connections: { legacy: { url: "\${LEGACY_URL}" }, modern: { url: "\${MODERN_URL}" } }\n`;
const SIDES = `${CONNECTIONS}defaults: { source: legacy, target: modern }\n`;
const ENV = { LEGACY_URL: 'postgres://me:hunter2@old/db', MODERN_URL: 'postgres://me:hunter2@new/db' };

/** The file of product.md. */
const WHOLE = `
connections:
  legacy: { url: "\${LEGACY_URL}" }
  modern: { url: "\${MODERN_URL}" }
ledger: { connection: modern, schema: trueup, retention: 90d }
defaults:
  source: legacy
  target: modern
  exclude: [updated_at, version]
  chunkRows: 50000
  concurrency: 4
  settle: { delay: 2s, attempts: 3 }
tables:
  - name: orders
    source: public.orders
    target: sales.orders
    key: [id]
    columns: { cust_id: customer_id }
    exclude: [updated_at, version]
    tolerance: { amount: 0.01 }
    where: "created_at >= '2024-01-01'"
    updatedAt: updated_at
    critical: true
    corrections: { missing: auto, mismatched: approve, extra: approve }
    checks: { order: ["created_at <= shipped_at"], notFuture: [created_at], groupBy: [status, "date(created_at)"] }
rules:
  - { name: daily_transaction_totals, sourceQuery: "...", targetQuery: "...", tolerance: 0.01 }
schedules: { quick: "every 15m", comprehensive: "every 4h", deep: "0 2 * * *", businessRules: "0 3 * * 0" }
`;

function failureOf(act: () => unknown): { code: string; message: string } {
  try {
    act();
  } catch (error) {
    if (!(error instanceof TrueupError)) throw error;
    return { code: error.code, message: error.message };
  }
  throw new Error('nothing was thrown');
}

/** The problem lines of a file, without the first line. */
function problemsIn(text: string, env: Record<string, string> = ENV): string[] {
  const { code, message } = failureOf(() => parseConfig(text, 'trueup.yaml', env));
  expect(code).toBe('CONFIG_INVALID');
  const [first, ...lines] = message.split('\n  ');
  expect(first).toBe('trueup.yaml is not valid:');
  return lines;
}

describe('a whole config', () => {
  it('loads with everything that it says', () => {
    const config = parseConfig(WHOLE, 'trueup.yaml', ENV);
    expect(config.connectionNames).toEqual(['legacy', 'modern']);
    expect(config.ledger).toEqual({ connection: 'modern', schema: 'trueup', retentionMs: 90 * 86_400_000 });
    expect(config.rules).toEqual([
      {
        name: 'daily_transaction_totals',
        sourceQuery: '...',
        targetQuery: '...',
        tolerance: '0.01',
        source: 'legacy',
        target: 'modern',
        timeoutMs: 600_000,
      },
    ]);
    expect(config.runConfig()).toEqual({
      tables: [
        {
          name: 'orders',
          source: { connection: 'legacy', schema: 'public', table: 'orders' },
          target: { connection: 'modern', schema: 'sales', table: 'orders' },
          key: ['id'],
          columns: { cust_id: 'customer_id' },
          exclude: ['updated_at', 'version'],
          tolerance: { amount: { number: '0.01' } },
          where: "created_at >= '2024-01-01'",
          updatedAt: 'updated_at',
          critical: true,
          checks: {
            order: [{ left: 'created_at', operator: '<=', right: 'shipped_at' }],
            notFuture: ['created_at'],
            notBefore: {},
            monotonic: [],
            groupBy: ['status', 'date(created_at)'],
            sums: null,
            countHigh: 100,
            references: [],
          },
          corrections: { missing: 'auto', mismatched: 'approve', extra: 'approve' },
          guard: { rows: 1000, percent: 5, wipe: 50 },
          chunkRows: 50000,
          settle: { delayMs: 2000, attempts: 3 },
        },
      ],
      concurrency: 4,
      throttle: { maxChunksPerConnection: null, pauseWhile: null },
      approvalTimeoutMs: 86_400_000,
      guard: { rows: 1000, percent: 5, wipe: 50 },
      fourEyes: false,
      ledgerSchema: 'trueup',
    });
  });

  it('has schedules as they are written', () => {
    expect(parseConfig(WHOLE, 'trueup.yaml', ENV).schedules).toEqual({
      quick: 'every 15m',
      comprehensive: 'every 4h',
      deep: '0 2 * * *',
      businessRules: '0 3 * * 0',
    });
  });
});

describe('defaults', () => {
  it('of retention are none: null says so too', () => {
    for (const ledger of ['{}', '{ retention: null }']) {
      expect(parseConfig(`${SIDES}ledger: ${ledger}`, 'trueup.yaml', {}).ledger.retentionMs).toBeNull();
    }
  });

  it('are put in where the file is silent', () => {
    const config = parseConfig(SIDES, 'trueup.yaml', {});
    expect(config.defaults).toEqual({
      source: 'legacy',
      target: 'modern',
      exclude: [],
      chunkRows: 400_000,
      concurrency: 4,
      statementTimeoutMs: 3_600_000,
      settle: { delayMs: 2_000, attempts: 3 },
      approvalTimeoutMs: 86_400_000,
      undo: 'approve',
      corrections: { missing: 'auto', mismatched: 'approve', extra: 'approve' },
      guard: { rows: 1_000, percent: 5, wipe: 50 },
      fourEyes: false,
      sample: {},
    });
    expect(config.ledger).toEqual({ connection: 'modern', schema: 'trueup', retentionMs: null });
    expect(config.tables).toBeNull();
  });

  it('spare the databases as the file asks for it', () => {
    const config = parseConfig(
      `connections: { legacy: { url: "\${LEGACY_URL}", maxConnections: 9 }, modern: { url: "\${MODERN_URL}" } }
defaults: { source: legacy, target: modern, concurrency: 3, statementTimeout: 5m }
throttle:
  maxChunksPerConnection: 2
  pauseWhile: { connection: legacy, query: "select 1", above: 0.5, every: 1ms }
`,
      'f',
      ENV,
    );
    expect(config.defaults).toMatchObject({ concurrency: 3, statementTimeoutMs: 300_000 });
    expect([config.maxConnections('legacy'), config.maxConnections('modern')]).toEqual([9, 14]);
    expect(config.throttle).toEqual({
      maxChunksPerConnection: 2,
      pauseWhile: { name: 'legacy', connection: 'legacy', query: 'select 1', above: 0.5, everyMs: 100 },
    });
    expect(config.runConfig([], []).throttle).toEqual(config.throttle);
  });

  it('give way field by field', () => {
    const text = `${CONNECTIONS}
defaults: { source: legacy, target: modern, settle: { delay: 1s }, corrections: { missing: review }, exclude: [a] }
tables:
  - orders
  - { name: Big, source: 'old."Big.Table"', settle: { attempts: 9 }, corrections: { extra: ignore }, exclude: [b] }
  - { name: other, source: { connection: modern, table: x }, target: { table: y }, chunkRows: "\${ROWS}" }
`;
    const [orders, big, other] = parseConfig(text, 'f', { ROWS: '1000' }).tables ?? [];
    expect(orders).toMatchObject({
      source: { connection: 'legacy', schema: 'public', table: 'orders' },
      target: { connection: 'modern', schema: 'public', table: 'orders' },
      settle: { delayMs: 1000, attempts: 3 },
      corrections: { missing: 'review', mismatched: 'approve', extra: 'approve' },
      exclude: ['a'],
    });
    expect(big).toMatchObject({
      source: { connection: 'legacy', schema: 'old', table: 'Big.Table' },
      target: { connection: 'modern', schema: 'old', table: 'Big.Table' },
      settle: { delayMs: 1000, attempts: 9 },
      corrections: { missing: 'review', mismatched: 'approve', extra: 'ignore' },
      exclude: ['b'],
    });
    expect(other).toMatchObject({
      source: { connection: 'modern', schema: 'public', table: 'x' },
      target: { connection: 'modern', schema: 'public', table: 'y' },
      chunkRows: 1000,
    });
  });
});

describe('rows that changed, and samples', () => {
  const text = `${CONNECTIONS}
defaults: { source: legacy, target: modern, overlap: 1m, sample: { rows: "\${ROWS}", confidence: 0.99, seed: 0 } }
tables: [a, { name: b, updatedAt: changed, overlap: 2h }]
`;

  it('are told by the file', () => {
    const { tables, defaults } = parseConfig(text, 'f', { ROWS: '1000' });
    expect(defaults.sample).toEqual({ rows: 1_000, confidence: 0.99, seed: 0 });
    expect(tables).toMatchObject([{ overlapMs: 60_000 }, { updatedAt: 'changed', overlapMs: 7_200_000 }]);
  });

  it.each([
    ['rows: 0', 'defaults.sample.rows: found 0, allowed: a whole number from 1 to 1000000'],
    ['margin: 1', 'defaults.sample.margin: found 1, allowed: a number above 0 and below 1, such as 0.95'],
    ['size: 1', 'defaults.sample.size: unknown field, allowed: rows, confidence, margin, seed'],
  ])('%s is told', (sample, problem) => {
    const wrong = text.replace(/sample: \{.*?\} \}/, `sample: { ${sample} } }`);
    expect(() => parseConfig(wrong, 'f', {})).toThrow(problem);
  });
});

describe('what stands before an approval', () => {
  it('is guarded table by table, field by field', () => {
    const { tables, defaults, runConfig } = parseConfig(
      `${CONNECTIONS}
defaults: { source: legacy, target: modern, guard: { percent: 0.5 }, fourEyes: true }
tables: [a, { name: b, guard: { rows: 0, wipe: 90 } }, { name: c, guard: { rows: "\${ROWS}", percent: 100 } }]`,
      'f',
      { ROWS: '20' },
    );
    expect(tables?.map(({ guard }) => guard)).toEqual([
      { rows: 1000, percent: 0.5, wipe: 50 },
      { rows: 0, percent: 0.5, wipe: 90 },
      { rows: 20, percent: 100, wipe: 50 },
    ]);
    expect(defaults.fourEyes).toBe(true);
    expect(runConfig()).toMatchObject({ guard: { rows: 1000, percent: 0.5 }, fourEyes: true });
  });
});

const TOLERANCE =
  'allowed: a number, zero or more, such as 0.01; or for dates and times a duration such as 500us, 20ms, 2s, 5m, 1h or 1d';

describe('what counts as equal', () => {
  const ruleOf = (entry: string, env = {}) =>
    parseConfig(`${SIDES}tables: [{ name: a, ${entry} }]`, 'f', env).tables?.[0];

  it.each([
    ['0.01', { number: '0.01' }],
    ['0', { number: '0' }],
    ['1e-7', { number: '1e-7' }],
    ['0.0000001', { number: '1e-7' }],
    ['1000000000000000000001', { number: '1000000000000000000001' }],
    ['0.1000000000000000000000000001', { number: '0.1000000000000000000000000001' }],
    ['123456789.12345678', { number: '123456789.12345678' }],
    ['"0.010"', { number: '0.010' }],
    ['"${TOLERANCE}"', { number: '0.5' }],
    ['500us', { microseconds: '500' }],
    ['500 µs', { microseconds: '500' }],
    ['1.5ms', { microseconds: '1500' }],
    ['2s', { microseconds: '2000000' }],
    ['0.5m', { microseconds: '30000000' }],
    ['0.000000001h', null],
    ['1.0000000h', { microseconds: '3600000000' }],
    ['366d', { microseconds: '31622400000000' }],
  ])('a tolerance of %s is kept digit by digit', (written, expected) => {
    const read = () => ruleOf(`tolerance: { x: ${written} }`, { TOLERANCE: '0.5' })?.tolerance;
    if (expected === null) expect(read).toThrow('tables[0].tolerance.x');
    else expect(read()).toEqual({ x: expected });
  });

  it('is read of texts too, and is of no table that says nothing', () => {
    expect(ruleOf('text: { a: trim, b: caseless, c: trim caseless }')?.text).toEqual({
      a: { trim: true, caseless: false },
      b: { trim: false, caseless: true },
      c: { trim: true, caseless: true },
    });
    expect(ruleOf('critical: true')).not.toHaveProperty('tolerance');
    expect(ruleOf('critical: true')).not.toHaveProperty('text');
  });
});

describe('problems', () => {
  it.each([
    [
      '',
      'connections: found nothing, allowed: a map of connection names (letters, digits, _ and -) to { url: "${NAME}" }',
    ],
    [
      'just text',
      'the file: found "just text", allowed: a map with the fields connections, ledger, defaults, throttle, tables, rules, schedules',
    ],
    [
      `${SIDES}ledgr: 1`,
      'ledgr: unknown field (did you mean ledger?), allowed: connections, ledger, defaults, throttle, tables, rules, schedules',
    ],
    [
      `${CONNECTIONS}defaults: { source: legacy, target: modern, chunk_rows: 1 }`,
      'defaults.chunk_rows: unknown field (did you mean chunkRows?), allowed: source, target, exclude, chunkRows, concurrency, statementTimeout, settle, overlap, sample, approvalTimeout, corrections, keySpelling, guard, sideEffects, fourEyes, undo',
    ],
    [
      `${CONNECTIONS}defaults: { source: legacy, target: modern, chunkRows: 10000001 }`,
      'defaults.chunkRows: found 10000001, allowed: a whole number from 1 to 10000000',
    ],
    [
      `${CONNECTIONS}defaults: { source: legacy, target: modern, concurrency: 2.5 }`,
      'defaults.concurrency: found 2.5, allowed: a whole number from 1 to 64',
    ],
    [
      `${CONNECTIONS}defaults: { source: legacy, target: modern, undo: always }`,
      'defaults.undo: found "always", allowed: auto, approve',
    ],
    [
      `${SIDES}ledger: { retention: forever }`,
      'ledger.retention: found "forever", allowed: a number with a unit: 500ms, 2s, 30m, 24h or 7d; or null: before-images are kept for ever',
    ],
    [
      `${CONNECTIONS}defaults: { source: legacy, target: modern, approvalTimeout: soon }`,
      'defaults.approvalTimeout: found "soon", allowed: a number with a unit: 500ms, 2s, 30m, 24h or 7d',
    ],
    [
      `${SIDES}throttle: { pauseWhile: { connection: legasy, query: "select 1", above: 1 } }`,
      'throttle.pauseWhile.connection: found "legasy", allowed: the name of a connection: legacy, modern',
    ],
    [
      `${SIDES}throttle: { maxChunksPerConnection: 0 }`,
      'throttle.maxChunksPerConnection: found 0, allowed: a whole number from 1 to 64',
    ],
    [
      `${CONNECTIONS}defaults: { source: legasy, target: modern }`,
      'defaults.source: found "legasy", allowed: the name of a connection: legacy, modern',
    ],
    [
      `${CONNECTIONS}defaults: { source: legacy, target: legacy }`,
      'defaults.target: found "legacy", allowed: another connection than the source',
    ],
    [
      `${SIDES}ledger: { connection: moder }`,
      'ledger.connection: found "moder", allowed: the name of a connection: legacy, modern',
    ],
    [
      `${SIDES}tables: [a, b, { name: c, settle: { attempts: 0 } }]`,
      'tables[2].settle.attempts: found 0, allowed: a whole number from 1 to 20',
    ],
    [
      `${SIDES}tables: []`,
      'tables: found an empty list, allowed: at least one table; leave it out for all tables that have the same name on both sides',
    ],
    [`${SIDES}tables: [orders, orders]`, 'tables[1]: found "orders", allowed: a name that no other of the tables has'],
    [
      `${SIDES}tables: [a.b.c]`,
      'tables[0]: found "a.b.c", allowed: a table such as orders, sales.orders or public."Order Items"; or any name beside a source',
    ],
    [
      `${SIDES}tables: [{ name: a, target: "x y" }]`,
      'tables[0].target: found "x y", allowed: a table such as orders, sales.orders or public."Order Items"',
    ],
    [
      `${SIDES}tables: [{ name: a, target: { connection: legacy, table: a } }]`,
      'tables[0].target: found the source table itself, allowed: a table of another connection, or another table',
    ],
    [
      `${SIDES}tables: [{ name: a, corrections: { extra: delete } }]`,
      'tables[0].corrections.extra: found "delete", allowed: auto, approve, review, ignore',
    ],
    [
      `${CONNECTIONS}defaults: { source: legacy, target: modern, guard: { percent: 100.5 } }`,
      'defaults.guard.percent: found 100.5, allowed: a number from 0 to 100',
    ],
    [
      `${CONNECTIONS}defaults: { source: legacy, target: modern, guard: { row: 5 } }`,
      'defaults.guard.row: unknown field (did you mean rows?), allowed: rows, percent, wipe',
    ],
    [
      `${SIDES}tables: [{ name: a, guard: { rows: -1 } }]`,
      'tables[0].guard.rows: found -1, allowed: a whole number from 0 to 1000000000000',
    ],
    [
      `${SIDES}tables: [{ name: a, guard: off }]`,
      'tables[0].guard: found "off", allowed: a map with the fields rows, percent, wipe',
    ],
    [
      `${CONNECTIONS}defaults: { source: legacy, target: modern, fourEyes: on }`,
      'defaults.fourEyes: found "on", allowed: true or false',
    ],
    [
      `${SIDES}tables: [{ name: a, key: [id, id] }]`,
      'tables[0].key: found a list, allowed: a list of column names, each of them once',
    ],
    [`${SIDES}tables: [{ name: a, tolerance: { x: -1 } }]`, `tables[0].tolerance.x: found -1, ${TOLERANCE}`],
    [`${SIDES}tables: [{ name: a, tolerance: { x: .inf } }]`, `tables[0].tolerance.x: found Infinity, ${TOLERANCE}`],
    [`${SIDES}tables: [{ name: a, tolerance: { x: .nan } }]`, `tables[0].tolerance.x: found NaN, ${TOLERANCE}`],
    [`${SIDES}tables: [{ name: a, tolerance: { x: 1e301 } }]`, `tables[0].tolerance.x: found 1e+301, ${TOLERANCE}`],
    [`${SIDES}tables: [{ name: a, tolerance: { x: } }]`, `tables[0].tolerance.x: found nothing, ${TOLERANCE}`],
    [`${SIDES}tables: [{ name: a, tolerance: { x: 2 s y } }]`, `tables[0].tolerance.x: found "2 s y", ${TOLERANCE}`],
    [`${SIDES}tables: [{ name: a, tolerance: { x: 0.5us } }]`, `tables[0].tolerance.x: found "0.5us", ${TOLERANCE}`],
    [`${SIDES}tables: [{ name: a, tolerance: { x: 367d } }]`, `tables[0].tolerance.x: found "367d", ${TOLERANCE}`],
    [
      `${SIDES}tables: [{ name: a, tolerance: 0.01 }]`,
      'tables[0].tolerance: found 0.01, allowed: a map of column names to numbers or durations',
    ],
    [
      `${SIDES}tables: [{ name: a, text: { x: casless } }]`,
      'tables[0].text.x: found "casless", allowed: trim, caseless, trim caseless',
    ],
    [
      `${SIDES}tables: [{ name: a, text: { x: constructor } }]`,
      'tables[0].text.x: found "constructor", allowed: trim, caseless, trim caseless',
    ],
    [
      `${SIDES}tables: [{ name: a, text: trim }]`,
      'tables[0].text: found "trim", allowed: a map of column names to trim, caseless, trim caseless',
    ],
    [
      `${SIDES}tables: [{ name: a, checks: { order: [created_at] } }]`,
      'tables[0].checks.order[0]: found "created_at", allowed: two columns and how they compare, such as created_at <= shipped_at',
    ],
    [
      `${SIDES}schedules: { deep: nightly }`,
      'schedules.deep: found "nightly", allowed: an interval such as every 15m, or five cron fields such as 0 2 * * *',
    ],
    [
      `${SIDES}rules: [{ name: r, sourceQuery: select 1 }]`,
      'rules[0].targetQuery: found nothing, allowed: an SQL query',
    ],
    [
      `connections: { "a b": { url: "\${A}" } }`,
      'connections["a b"]: found a map, allowed: a map of connection names (letters, digits, _ and -) to { url: "${NAME}" }',
    ],
    // Such a name would be in every message and in the ledger.
    [
      SIDES.replace('{ legacy:', '{ "postgres://me:hunter2@h/db": { url: "${A}" }, legacy:'),
      'connections[a hidden name]: found a map, allowed: a map of connection names (letters, digits, _ and -) to { url: "${NAME}" }',
    ],
    [
      `${SIDES}tables: [{ name: a, where: "x = '\${'" }]`,
      'tables[0].where: found ${ without a name and a closing }, allowed: ${NAME} for the environment variable NAME, or $${ for a literal ${',
    ],
  ])('%j', (text, problem) => {
    expect(problemsIn(text)).toEqual([problem]);
  });

  it('are all reported at once', () => {
    expect(problemsIn(`${SIDES}tables: [{ name: a, key: x }, 5]\nextra: 1`)).toHaveLength(3);
  });

  it('of a missing default connection are said once', () => {
    expect(problemsIn(`${CONNECTIONS}ledger: { connection: modern }\ntables: [a, b]`)).toEqual([
      'defaults.source: found nothing, allowed: the name of a connection: legacy, modern',
      'defaults.target: found nothing, allowed: the name of a connection: legacy, modern',
    ]);
  });
});

describe('malformed YAML', () => {
  it.each([
    ['a: [1', 'line 1, column 6: a wrong indentation, or a bracket that is not closed'],
    ['a: 1\na: 2', 'line 2, column 1: a field that stands there twice'],
    ['a:\n\t- b', 'line 2, column 1: a tab as indentation; YAML takes spaces only'],
    ['a: 1\n---\nb: 2', 'line 2, column 1: a second document (---); only one is read'],
    [
      'a: "hunter2\\q"',
      'line 1, column 12: an escape (\\) that YAML does not know; single quotes take a text as it is',
    ],
    ['a: !hunter2 x', 'line 1, column 4: a tag (!name) that is not known; quote a text that starts with !'],
  ])('%j', (text, where) => {
    expect(failureOf(() => parseConfig(text, 'f.yaml', {}))).toEqual({
      code: 'CONFIG_MALFORMED',
      message: `f.yaml, ${where}`,
    });
  });

  it.each(['&a [*a]', 'a: *hunter2', '['.repeat(50_000), '<<: 5'])('%.20j', (text) => {
    const { code, message } = failureOf(() => parseConfig(text, 'f.yaml', {}));
    expect(code).toBe('CONFIG_MALFORMED');
    expect(message).not.toContain('hunter2');
  });
});

describe('the environment', () => {
  it('is asked for a URL only when the URL is', () => {
    const config = parseConfig(SIDES, 'f.yaml', { MODERN_URL: ' postgres://me:pw@new/db\n' });
    expect(config.connectionUrl('modern')).toBe('postgres://me:pw@new/db');
    expect(failureOf(() => config.connectionUrl('legacy'))).toEqual({
      code: 'CONFIG_ENV_MISSING',
      message: 'f.yaml: connections.legacy.url: environment variable LEGACY_URL is not set',
    });
    expect(failureOf(() => config.connectionUrl('other'))).toEqual({
      code: 'CONFIG_INVALID',
      message:
        'f.yaml is not valid:\n  connections.other: found nothing, allowed: the name of a connection: legacy, modern',
    });
  });

  it('goes into any text, also into a part of it, and $${ escapes', () => {
    const text = `connections: { a: { url: "postgres://me:\${PW}@\${HOST}/db" }, b: { url: "postgres://$\${x@h/db" } }
defaults: { source: a, target: b }
tables: [{ name: t, where: "region = '\${REGION}' and x <> '$\${HOST}'" }]`;
    const config = parseConfig(text, 'f', { PW: 'p', HOST: 'h', REGION: 'eu' });
    expect(config.connectionUrl('a')).toBe('postgres://me:p@h/db');
    expect(config.connectionUrl('b')).toBe('postgres://${x@h/db');
    expect(config.tables?.[0]?.where).toBe("region = 'eu' and x <> '${HOST}'");
  });

  it('lacks a variable that the file names: where, and which', () => {
    const text = `${SIDES}ledger: { schema: "\${SCHEMA}" }\ntables: ["\${TABLE}"]`;
    expect(failureOf(() => parseConfig(text, 'f.yaml', { TABLE: '' }))).toEqual({
      code: 'CONFIG_ENV_MISSING',
      message:
        'f.yaml: ledger.schema: environment variable SCHEMA is not set; tables[0]: environment variable TABLE is not set',
    });
  });

  it('never shows what it holds', () => {
    expect(problemsIn(`${SIDES}tables: [{ name: a, chunkRows: "\${ROWS}" }]`, { ROWS: 'hunter2' })).toEqual([
      'tables[0].chunkRows: found "${ROWS}", allowed: a whole number from 1 to 10000000',
    ]);
    const config = parseConfig(SIDES, 'f.yaml', { LEGACY_URL: 'hunter2' });
    expect(failureOf(() => config.connectionUrl('legacy'))).toEqual({
      code: 'CONFIG_INVALID',
      message:
        'f.yaml is not valid:\n  connections.legacy.url: found a text that, with the environment put in, is none, ' +
        'allowed: a PostgreSQL URL: postgres://user:password@host:5432/database (special characters %-encoded)',
    });
  });
});

describe('secrets that were written into the file', () => {
  it.each([
    'connections: postgres://me:hunter2@h/db',
    'connections: { legacy: postgres://me:hunter2@h/db }',
    'connections: { legacy: { url: [postgres://me:hunter2@h/db] } }',
    'connections: { legacy: { url: "postgres//me:hunter2@h/db" } }',
    'connections: { legacy: { uri: postgres://me:hunter2@h/db } }',
    'connections: { postgres://me:hunter2@h/db }',
    'connections: { "postgres://me:hunter2@h/db": { url: "${LEGACY_URL}" } }',
    'connections: { "postgres://me:hunter2@h/db": postgres://me:hunter2@h/db }',
    'connections: { "host=h password=hunter2": { url: "${LEGACY_URL}" } }',
    'connections: { "host=h passwd = hunter2": { url: "postgres//me:hunter2@h/db", colour: red } }',
    'connections: { a: { url: "${LEGACY_URL}", "postgres://me:hunter2@h/db": 1 } }',
    'connections: { a: { url: "${LEGACY_URL}", "user=me password=hunter2": 1 } }',
    '"postgres://me:hunter2@h/db": { url: "${LEGACY_URL}" }',
    '"host=h password=hunter2": { url: "${LEGACY_URL}" }',
    `${SIDES}rules: [{ name: "postgres://me:hunter2@h/db", sourceQuery: select 1, targetQuery: select 1 }]`,
    `${SIDES}rules: [{ name: a, source: "postgres://me:hunter2@h/db", sourceQuery: select 1, targetQuery: select 1 }]`,
    `${SIDES}tables: [{ name: "postgres://me:hunter2@h/db" }]`,
    `${SIDES}ledger: { connection: "postgres://me:hunter2@h/db" }`,
    'postgres://me:hunter2@h/db',
    `${CONNECTIONS}defaults: { source: postgres://me:hunter2@h/db, target: "host=h password=hunter2" }`,
    `${SIDES}tables: [{ name: a, source: postgres://me:hunter2@h/db }]`,
    `${SIDES}ledger: postgres://me:hunter2@h/db`,
  ])('are not shown: %s', (text) => {
    for (const line of problemsIn(text)) expect(line).not.toContain('hunter2');
  });
});

describe('a run', () => {
  const config = parseConfig(`${SIDES}tables: [orders, customers, items]`, 'f', {});

  it('takes the tables that are asked for, in the order of the file', () => {
    expect(config.runConfig(['items', 'orders']).tables.map((pair) => pair.name)).toEqual(['orders', 'items']);
    expect(config.runConfig([]).tables).toHaveLength(3);
  });

  it('refuses unknown tables and names those that there are', () => {
    expect(failureOf(() => config.runConfig(['oders', 'orders', 'zzz']))).toEqual({
      code: 'TABLE_UNKNOWN',
      message: 'no table pair "oders" (did you mean orders?), "zzz"; there are orders, customers, items',
    });
  });

  it('takes discovered tables where the file names none', () => {
    const all = parseConfig(SIDES, 'f', {});
    const ref = (connection: string) => ({ connection, schema: 'public', table: 'orders' });
    const pair = pairOf(all.defaults, { name: 'orders', source: ref('legacy'), target: ref('modern') });
    expect(all.runConfig(undefined, [pair]).tables).toEqual([config.tables?.[0]]);
    expect(failureOf(() => all.runConfig(['x'], [])).message).toBe('no table pair "x"; there are none');
    expect(failureOf(() => all.runConfig()).code).toBe('INTERNAL');
  });

  it('holds no secret', () => {
    const whole = parseConfig(WHOLE, 'f', ENV);
    expect(JSON.stringify([whole, whole.runConfig()])).not.toContain('hunter2');
  });
});

describe('the file', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'trueup-config-'));
    writeFileSync(join(folder, 'trueup.yaml'), SIDES);
    writeFileSync(join(folder, 'other.yaml'), `\uFEFF${SIDES}`);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is the argument, else TRUEUP_CONFIG, else ./trueup.yaml', () => {
    const env = { TRUEUP_CONFIG: 'other.yaml' };
    expect(loadConfig({ cwd: folder, env: {} }).path).toBe(join(folder, 'trueup.yaml'));
    expect(loadConfig({ cwd: folder, env }).path).toBe(join(folder, 'other.yaml'));
    expect(loadConfig({ cwd: folder, env, path: 'trueup.yaml' }).path).toBe(join(folder, 'trueup.yaml'));
  });

  it('is missing or cannot be read', () => {
    expect(failureOf(() => loadConfig({ cwd: folder, env: {}, path: 'none.yaml' }))).toEqual({
      code: 'CONFIG_NOT_FOUND',
      message: `${join(folder, 'none.yaml')}: there is no such file`,
    });
    expect(failureOf(() => loadConfig({ cwd: folder, env: {}, path: '.' }))).toEqual({
      code: 'CONFIG_NOT_FOUND',
      message: `${folder}: it cannot be read (EISDIR)`,
    });
  });
});

describe('any text', () => {
  const loadsOrSaysWhy = (text: string, env: Record<string, string>) => {
    try {
      parseConfig(text, 'f', env);
    } catch (error) {
      if (!(error instanceof TrueupError) || !error.code.startsWith('CONFIG_')) throw error;
      expect(error.message).not.toContain('s3cr3t');
    }
  };

  it('loads or is refused with a code of the config', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => loadsOrSaysWhy(text, {})));
  });

  it('made of the words of a config loads or is refused, and shows no secret', () => {
    const words = WHOLE.match(/\w+|\n\s*|[^\w\s]| /g) ?? [];
    const word = fc.constantFrom(...words, '${SECRET}', 'postgres://u:s3cr3t@h/d', '&a', '*a', '!t', '<<', '__proto__');
    fc.assert(
      fc.property(fc.array(word, { maxLength: 60 }), (some) => loadsOrSaysWhy(some.join(''), { SECRET: 's3cr3t' })),
      { numRuns: 1_000 },
    );
  });

  it('that is a config with one value changed loads or is refused, and shows no secret', () => {
    const lines = WHOLE.split('\n');
    const value = fc.oneof(
      fc.constantFrom('${SECRET}', 'x${SECRET}', 'postgres://u:s3cr3t@h/d', '[]', '{}', 'null', '-1', '1e400', '.nan'),
      fc.json(),
    );
    fc.assert(
      fc.property(fc.nat(lines.length - 1), value, (at, changed) => {
        const text = lines.map((line, index) => (index === at ? line.replace(/: .*$/, `: ${changed}`) : line));
        loadsOrSaysWhy(text.join('\n'), { SECRET: 's3cr3t' });
      }),
      { numRuns: 300 },
    );
  });
});
