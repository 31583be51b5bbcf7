import { parseConfig } from '../../../config/load';
import { DEMO_CONFIG } from '../../../client/demo/config-text';
import { DEMO_TABLES, plantedDifferences, type DemoInventory, type DemoTable } from '../../../client/demo/inventory';
import { comparedColumns, keyOf } from '../../../client/demo/schema';
import { seedDemo } from '../../../client/demo/seed';
import { createDatabasePair, type TestDatabase } from '../../support/database';

const SCALE = 0.02;

let legacy: TestDatabase;
let modern: TestDatabase;
let inventory: DemoInventory;

const seed = (scale: number, onStep: (step: string) => void = () => undefined) =>
  seedDemo({ sourceUrl: legacy.url, targetUrl: modern.url, scale, onStep });

beforeAll(async () => {
  ({ source: legacy, target: modern } = await createDatabasePair('seed'));
  inventory = await seed(SCALE);
});

afterAll(async () => {
  await legacy?.drop();
  await modern?.drop();
});

describe('seedDemo', () => {
  it.each(DEMO_TABLES)('plants in %s exactly the row differences that the inventory names', async (table) => {
    const source = await rowsOf(legacy, table);
    const target = await rowsOf(modern, table);
    const missing = [...source.keys()].filter((key) => !target.has(key));
    const extra = [...target.keys()].filter((key) => !source.has(key));
    const differing = [...source].filter(([key, row]) => target.has(key) && target.get(key) !== row);
    expect({
      rowsSource: source.size,
      rowsTarget: target.size,
      missing_in_target: missing.length,
      extra_in_target: extra.length,
      field_mismatch: differing.length,
    }).toEqual(inventory.tables[table]);
  });

  it('plants some hundred differences of every type in all', () => {
    expect(plantedDifferences(inventory)).toBeGreaterThanOrEqual(300);
    expect(plantedDifferences(inventory)).toBeLessThanOrEqual(600);
    for (const table of DEMO_TABLES.filter((each) => each !== 'currencies')) {
      expect(inventory.tables[table].missing_in_target).toBeGreaterThan(0);
      expect(inventory.tables[table].extra_in_target).toBeGreaterThan(0);
      expect(inventory.tables[table].field_mismatch).toBeGreaterThan(0);
    }
  });

  it('breaks references in the target only, as many as the inventory names', async () => {
    const orphans = `from transactions as t where order_ref is not null
      and not exists (select from orders as o where o.id = t.order_ref)`;
    expect(await numberOf(legacy, `select count(*)::int as n ${orphans}`)).toBe(0);
    expect(await numberOf(modern, `select count(*)::int as n ${orphans} and order_ref < 900000000000`)).toBe(
      inventory.orphans.toMissingOrders,
    );
    expect(await numberOf(modern, `select count(*)::int as n ${orphans} and order_ref > 900000000000`)).toBe(
      inventory.orphans.toUnknownOrders,
    );
    expect(inventory.orphans.toMissingOrders).toBeGreaterThan(0);
    expect(inventory.orphans.toUnknownOrders).toBeGreaterThan(0);
  });

  it('plants wrong times in the target only, as many as the inventory names', async () => {
    const tooEarly = 'select count(*)::int as n from orders where shipped_at < created_at';
    expect(await numberOf(legacy, tooEarly)).toBe(0);
    expect(await numberOf(modern, tooEarly)).toBe(inventory.times.shippedBeforeCreated);
    const booked = 'select id::text as key, extract(epoch from booked_at)::text as value from transactions';
    const before = await mapOf(legacy, booked);
    const shifted = [...(await mapOf(modern, booked))].filter(
      ([key, at]) => before.has(key) && Number(before.get(key)) - Number(at) === 3600,
    );
    expect(shifted).toHaveLength(inventory.times.bookedAnHourEarly);
    expect(inventory.times.shippedBeforeCreated).toBeGreaterThan(0);
    expect(inventory.times.bookedAnHourEarly).toBeGreaterThan(0);
    expect(inventory.shifts).toMatchObject({ customers: 1, orders: 1, transactions: 1, accounts: 0 });
  });

  it('lets the columns drift that the inventory names, and no others', async () => {
    const columns = `select relname || '.' || attname as key, format_type(atttypid, atttypmod) as value
      from pg_attribute join pg_class on pg_class.oid = attrelid
      where relnamespace = 'public'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped`;
    const [source, target] = [await mapOf(legacy, columns), await mapOf(modern, columns)];
    const drifted = [...new Set([...source.keys(), ...target.keys()])]
      .filter((name) => source.get(name) !== target.get(name))
      .map((name) => ({ name, source: source.get(name) ?? null, target: target.get(name) ?? null }));
    expect(drifted).toEqual(
      inventory.drift.map(({ table, column, ...types }) => ({ name: `${table}.${column}`, ...types })),
    );
  });

  it('differs on many more rows in the columns that are not compared', async () => {
    const rewritten = 'select count(*)::int as n from orders where version > 1';
    expect(await numberOf(legacy, rewritten)).toBe(0);
    expect(await numberOf(modern, rewritten)).toBeGreaterThan(500);
  });

  it('leaves differences that can all be corrected: the rows of the source satisfy the constraints of the target', async () => {
    const longest = await numberOf(legacy, 'select max(length(notes)) as n from orders');
    expect(longest).toBeLessThanOrEqual(40);
    // A missing row's unique value must not be taken by an extra one.
    const emails = 'select email as key, id::text as value from customers';
    const owners = await mapOf(legacy, emails);
    const taken = [...(await mapOf(modern, emails))].filter(
      ([email, id]) => owners.has(email) && owners.get(email) !== id,
    );
    expect(taken).toEqual([]);
  });

  it('gives the same rows and the same inventory at every seeding', async () => {
    const content = async () => {
      const all: string[] = [];
      for (const database of [legacy, modern]) {
        for (const table of DEMO_TABLES) {
          const digest = `select md5(string_agg(t::text, '|' order by ${keyOf(table)})) as digest from ${table} as t`;
          all.push((await database.query(digest))[0]?.['digest'] ?? '');
        }
      }
      return all;
    };
    const before = await content();
    const again = await seed(SCALE);
    expect(again).toEqual(inventory);
    expect(await content()).toEqual(before);
  });

  it('tells each step', async () => {
    const steps: string[] = [];
    await seed(SCALE, (step) => steps.push(step));
    for (const table of DEMO_TABLES)
      expect(steps).toEqual(expect.arrayContaining([`legacy: ${table}`, `modern: ${table}`]));
    expect(steps).toContain('modern: planting differences');
    expect(steps).not.toContain('legacy: planting differences');
  });

  it('has room for its differences at the smallest scale and refuses smaller ones', async () => {
    const small = await seed(0.01);
    expect(plantedDifferences(small)).toBeGreaterThanOrEqual(300);
    await expect(seed(0.001)).rejects.toThrow('the scale of the demo is from 0.01 to 100, not 0.001');
  });

  it('never drops a table that it did not make', async () => {
    await legacy.query(`comment on table orders is null`);
    await expect(seed(SCALE)).rejects.toMatchObject({
      code: 'USAGE',
      message: 'the legacy database has tables that the demo did not make: orders',
    });
    expect(await numberOf(legacy, 'select count(*)::int as n from orders')).toBeGreaterThan(0);
  });
});

describe('DEMO_CONFIG', () => {
  it('loads, and reconciles the six tables', () => {
    const config = parseConfig(DEMO_CONFIG, 'trueup.yaml', {});
    expect(config.tables?.map((pair) => pair.name)).toEqual([...DEMO_TABLES]);
    expect(config.defaults.exclude).toEqual(['updated_at', 'version']);
  });
});

async function numberOf(database: TestDatabase, statement: string): Promise<number> {
  return Number((await database.query(statement))[0]?.['n']);
}

/** Two text columns of a statement, the first as the key of the second. */
async function mapOf(database: TestDatabase, statement: string): Promise<Map<string, string | null>> {
  return new Map((await database.query(statement)).map((row) => [row['key'] ?? '', row['value'] ?? null]));
}

/** Key to compared columns, as text. */
function rowsOf(database: TestDatabase, table: DemoTable): Promise<Map<string, string | null>> {
  const columns = comparedColumns(table).join(', ');
  return mapOf(database, `select ${keyOf(table)}::text as key, row(${columns})::text as value from ${table}`);
}
