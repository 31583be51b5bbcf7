import fc from 'fast-check';
import { parseConfig } from '../../config/load';
import { renderConfigTemplate, type TableFacts } from '../../config/template';

const table = (schema: string, name: string, hasPrimaryKey = true): TableFacts => ({ schema, name, hasPrimaryKey });
const namesOf = (text: string) =>
  (parseConfig(text, 'f', {}).tables ?? []).map(({ name, source, target }) => [
    name,
    `${source.schema}.${source.table}`,
    `${target.schema}.${target.table}`,
  ]);

describe('renderConfigTemplate', () => {
  it('pairs same-named tables, says what it left out, and loads', () => {
    const text = renderConfigTemplate({
      source: {
        tables: [
          table('public', 'orders'),
          table('public', 'customers'),
          table('public', 'Order Items'),
          table('public', 'log', false),
          table('public', 'legacy_only'),
          table('public', 'many'),
        ],
      },
      target: {
        tables: [
          table('public', 'orders'),
          table('sales', 'orders'),
          table('crm', 'customers'),
          table('public', 'Order Items'),
          table('public', 'log'),
          table('a', 'many'),
          table('b', 'many'),
          table('trueup', 'run'),
        ],
      },
    });
    expect(text).toBe(`# Trueup: which tables to reconcile, and what may be fixed without asking.
# Secrets come from the environment: set LEGACY_URL (source) and MODERN_URL (target), for the worker too.
connections:
  legacy: { url: "\${LEGACY_URL}" }
  modern: { url: "\${MODERN_URL}" }
ledger: { connection: modern, schema: trueup } # what was found, decided and done
defaults:
  source: legacy
  target: modern
  exclude: [] # columns that may differ, such as updated_at
  chunkRows: 400000 # rows that are fingerprinted together
  concurrency: 4 # chunks compared at once
  statementTimeout: 1h # what takes longer is cancelled, and its rows are said not to be compared; 0s: never
  settle: { delay: 2s, attempts: 3 } # a difference is read again before it is reported
  approvalTimeout: 24h # without a decision by then, nothing that needs one is done
  corrections: { missing: auto, mismatched: approve, extra: approve } # auto, approve, review or ignore
  guard: { rows: 1000, percent: 5, wipe: 50 } # to delete or overwrite more of a table, or to delete half of it, takes an override
  fourEyes: false # true: who requested a run cannot approve it
# To spare the databases: maxConnections beside a url, and fewer chunks at once or a pause by a number:
# throttle:
#   maxChunksPerConnection: 2
#   pauseWhile: { name: lag, connection: legacy, above: 10, every: 10s, query: "select 0" }

# A table may also say what counts as equal in a column: tolerance: { amount: 0.01, seen_at: 2s },
# text: { name: trim, email: caseless, city: trim caseless }.
tables:
  - name: orders
  - name: customers
    target: crm.customers
  - name: "Order Items"
    source: "\\"Order Items\\""

# Without a primary key on both sides. Name unique, never-NULL columns under key, then uncomment:
#   - name: log
#     key: []

# Only in the source, not compared:
#   - public.legacy_only
#   - public.many

# Only in the target, not compared:
#   - sales.orders
#   - a.many
#   - b.many
`);
    expect(namesOf(text)).toEqual([
      ['orders', 'public.orders', 'public.orders'],
      ['customers', 'public.customers', 'crm.customers'],
      ['Order Items', 'public.Order Items', 'public.Order Items'],
    ]);
  });

  it('names two tables of one name apart', () => {
    const tables = [table('a', 'orders'), table('b', 'orders')];
    expect(namesOf(renderConfigTemplate({ source: { tables }, target: { tables } }))).toEqual([
      ['orders', 'a.orders', 'a.orders'],
      ['b.orders', 'b.orders', 'b.orders'],
    ]);
  });

  it('suggests to leave out what triggers of the target maintain, as a comment that loads once it is none', () => {
    const orders = table('public', 'orders');
    const maintained = [
      { column: 'last_update', trigger: 'touch' },
      { column: 'Odd, "x"', trigger: 'a b' },
      { column: 'last_update', trigger: 'a b' },
    ];
    const text = renderConfigTemplate({
      source: { tables: [orders, table('public', 'other')] },
      target: { tables: [{ ...orders, maintained }, table('public', 'other')] },
    });
    expect(text).toContain(`  - name: orders
    # The target's triggers "touch", "a b" set this whenever a row is written; where it then differs from the source:
    # exclude: [last_update, "Odd, \\"x\\""]
  - name: other`);
    const tables = parseConfig(text.replace('# exclude', 'exclude'), 'f', {}).tables ?? [];
    expect(tables.map(({ exclude }) => exclude)).toEqual([['last_update', 'Odd, "x"'], []]);
  });

  it('loads also when nothing can be paired', () => {
    const text = renderConfigTemplate({ source: { tables: [] }, target: { tables: [table('public', 'x', false)] } });
    expect(parseConfig(text, 'f', {}).tables).toBeNull();
    expect(text).toContain('#   - public.x (no primary key)');
  });

  it('loads whatever the tables are called', () => {
    const name = fc
      .oneof(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 15 }),
        fc.constantFrom('null', 'true', '1', '~', '${HOME}', '# x', 'a: b', 'a\nb', '"', "'", '- x', ' ', 'a.b', '*a'),
      )
      .filter((text) => !text.includes('\0'));
    const tables = fc
      .uniqueArray(fc.tuple(name, name, fc.boolean()), { selector: ([a, b]) => `${a}\0${b}`, maxLength: 6 })
      .map((all) => all.map(([schema, table_, key]) => table(schema, table_, key)));
    fc.assert(
      fc.property(tables, tables, (onlySource, both) => {
        const text = renderConfigTemplate({ source: { tables: [...both, ...onlySource] }, target: { tables: both } });
        const found = namesOf(text).map(([, source, target]) => [source, target]);
        for (const each of both.filter((facts) => facts.hasPrimaryKey && facts.schema !== 'trueup')) {
          const label = `${each.schema}.${each.name}`;
          expect(found).toContainEqual([label, label]);
        }
      }),
      { numRuns: 500 },
    );
  });
});
