import { Client } from 'pg';
import { parseConfig } from '../../../config/load';
import { DEMO_CONFIG } from '../../../client/demo/config-text';
import { DEMO_TABLES, plantedDifferences, type DemoInventory, type DemoTable } from '../../../client/demo/inventory';
import { comparedColumns, keyOf } from '../../../client/demo/schema';
import { seedDemo } from '../../../client/demo/seed';

const SCALE = 0.02;

const serverUrl = process.env.TRUEUP_TEST_POSTGRES_URL ?? '';
const legacyName = `trueup_seed_legacy_${process.pid}`;
const modernName = `trueup_seed_modern_${process.pid}`;
const sourceUrl = databaseUrl(legacyName);
const targetUrl = databaseUrl(modernName);

let server: Client;
let legacy: Client;
let modern: Client;
let inventory: DemoInventory;

beforeAll(async () => {
  server = await connect(serverUrl);
  await server.query(`create database ${legacyName}`);
  await server.query(`create database ${modernName}`);
  inventory = await seedDemo({ sourceUrl, targetUrl, scale: SCALE });
  legacy = await connect(sourceUrl);
  modern = await connect(targetUrl);
}, 60_000);

afterAll(async () => {
  await legacy?.end();
  await modern?.end();
  await server?.query(`drop database if exists ${legacyName} with (force)`);
  await server?.query(`drop database if exists ${modernName} with (force)`);
  await server?.end();
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
    const booked = `select id::text as key, extract(epoch from booked_at)::text as at from transactions`;
    const before = new Map((await legacy.query<{ key: string; at: string }>(booked)).rows.map((r) => [r.key, r.at]));
    const shifted = (await modern.query<{ key: string; at: string }>(booked)).rows.filter(
      (row) => before.has(row.key) && Number(before.get(row.key)) - Number(row.at) === 3600,
    );
    expect(shifted).toHaveLength(inventory.times.bookedAnHourEarly);
    expect(inventory.times.shippedBeforeCreated).toBeGreaterThan(0);
    expect(inventory.times.bookedAnHourEarly).toBeGreaterThan(0);
  });

  it('lets the columns drift that the inventory names, and no others', async () => {
    const columns = `select relname || '.' || attname as name, format_type(atttypid, atttypmod) as type
      from pg_attribute join pg_class on pg_class.oid = attrelid
      where relnamespace = 'public'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped`;
    const typesOf = async (client: Client) =>
      new Map((await client.query<{ name: string; type: string }>(columns)).rows.map((row) => [row.name, row.type]));
    const [source, target] = [await typesOf(legacy), await typesOf(modern)];
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
    const emails = async (client: Client) =>
      (await client.query<{ id: string; email: string }>('select id, email from customers')).rows;
    const owners = new Map((await emails(legacy)).map((row) => [row.email, row.id]));
    const taken = (await emails(modern)).filter((row) => owners.has(row.email) && owners.get(row.email) !== row.id);
    expect(taken).toEqual([]);
  });

  it('gives the same rows and the same inventory at every seeding', async () => {
    const content = async () => {
      const all: string[] = [];
      for (const client of [legacy, modern]) {
        for (const table of DEMO_TABLES) {
          const digest = `select md5(string_agg(t::text, '|' order by ${keyOf(table)})) as digest from ${table} as t`;
          all.push((await client.query<{ digest: string }>(digest)).rows[0]?.digest ?? '');
        }
      }
      return all;
    };
    const before = await content();
    const again = await seedDemo({ sourceUrl, targetUrl, scale: SCALE });
    expect(again).toEqual(inventory);
    expect(await content()).toEqual(before);
  }, 60_000);

  it('tells each step', async () => {
    const steps: string[] = [];
    await seedDemo({ sourceUrl, targetUrl, scale: SCALE, onStep: (step) => steps.push(step) });
    for (const table of DEMO_TABLES)
      expect(steps).toEqual(expect.arrayContaining([`legacy: ${table}`, `modern: ${table}`]));
    expect(steps).toContain('modern: planting differences');
    expect(steps).not.toContain('legacy: planting differences');
  }, 60_000);

  it('has room for its differences at the smallest scale and refuses smaller ones', async () => {
    const small = await seedDemo({ sourceUrl, targetUrl, scale: 0.01 });
    expect(plantedDifferences(small)).toBeGreaterThanOrEqual(300);
    await expect(seedDemo({ sourceUrl, targetUrl, scale: 0.001 })).rejects.toThrow(
      'the scale of the demo is from 0.01 to 100, not 0.001',
    );
  }, 60_000);

  it('never drops a table that it did not make', async () => {
    await legacy.query(`comment on table orders is null`);
    await expect(seedDemo({ sourceUrl, targetUrl, scale: SCALE })).rejects.toMatchObject({
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
    expect(config.unused).toEqual([]);
    expect(config.defaults.exclude).toEqual(['updated_at', 'version']);
  });
});

function databaseUrl(name: string): string {
  if (serverUrl === '') throw new Error('TRUEUP_TEST_POSTGRES_URL is not set');
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function numberOf(client: Client, statement: string): Promise<number> {
  return (await client.query<{ n: number }>(statement)).rows[0]?.n ?? NaN;
}

/** Key to compared columns, as text. */
async function rowsOf(client: Client, table: DemoTable): Promise<Map<string, string>> {
  const columns = comparedColumns(table).join(', ');
  const statement = `select ${keyOf(table)}::text as key, row(${columns})::text as row from ${table}`;
  const { rows } = await client.query<{ key: string; row: string }>(statement);
  return new Map(rows.map(({ key, row }) => [key, row]));
}
