import { Client } from 'pg';
import { TrueupError } from '../../contracts/errors';
import { damageStatements, type Damage } from './damage';
import { DEMO_TABLES, DRIFT, type DemoInventory, type DemoTable, type TableInventory } from './inventory';
import { insertRows, sizesAt } from './rows';
import { addConstraints, createTables, DEMO_COMMENT, type Side } from './schema';

export interface SeedOptions {
  readonly sourceUrl: string;
  readonly targetUrl: string;
  /** Told before each step, in words for people. The two databases are made at the same time. */
  readonly onStep?: (step: string) => void;
  /** 1 (the default) is about 560,000 rows in each database. From 0.01 to 100. */
  readonly scale?: number;
}

/**
 * Makes the two databases of the demo and returns what differs between them. The same scale gives the same rows every
 * time. Each database is made in one transaction. Throws USAGE when one of the tables is there and is not the demo's
 * own, and the driver's errors as they are.
 */
export async function seedDemo(options: SeedOptions): Promise<DemoInventory> {
  const sizes = sizesAt(options.scale ?? 1);
  const say = options.onStep ?? (() => undefined);
  const make = (side: Side, damage: readonly Damage[]) =>
    seedDatabase(side === 'legacy' ? options.sourceUrl : options.targetUrl, async (client) => {
      await refuseForeignTables(client, side);
      await runAll(client, createTables(side));
      for (const [table, statement] of insertRows(side, sizes)) {
        say(`${side}: ${table}`);
        await client.query(statement);
      }
      if (damage.length > 0) say(`${side}: planting differences`);
      const planted = await plant(client, damage);
      say(`${side}: keys and references`);
      await runAll(client, addConstraints());
      return { planted, rows: await countRows(client) };
    });
  // Both are waited for, so that nothing still runs when a failure is reported.
  const [legacy, modern] = await Promise.allSettled([make('legacy', []), make('modern', damageStatements(sizes))]);
  if (legacy.status === 'rejected') throw legacy.reason;
  if (modern.status === 'rejected') throw modern.reason;
  return inventoryOf(legacy.value.rows, modern.value.rows, modern.value.planted);
}

type Counts = ReadonlyMap<string, number>;

async function seedDatabase<T>(url: string, make: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, application_name: 'trueup demo' });
  // A connection that breaks also fails the statement that is under way: that is where it is reported.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await runAll(client, [
      `set timezone = 'UTC'`,
      `set datestyle = 'ISO, YMD'`,
      `set search_path = pg_catalog`,
      `set synchronous_commit = off`,
      `set client_min_messages = warning`,
      `set maintenance_work_mem = '256MB'`,
      'begin',
    ]);
    const made = await make(client);
    await client.query('commit');
    // Statistics, and hint bits: the first comparison need not write them.
    await client.query(`vacuum (analyze) ${DEMO_TABLES.map((table) => `public.${table}`).join(', ')}`);
    return made;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function refuseForeignTables(client: Client, side: Side): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select relname as name from pg_class
     where relnamespace = 'public'::regnamespace and relname = any($1::text[])
       and obj_description(oid, 'pg_class') is distinct from $2::text
     order by relname`,
    [DEMO_TABLES, DEMO_COMMENT],
  );
  if (rows.length === 0) return;
  const names = rows.map((row) => row.name).join(', ');
  throw new TrueupError('USAGE', `the ${side} database has tables that the demo did not make: ${names}`);
}

/** Runs the damage and adds up the rows that each kind of it touched; a shift is one. */
async function plant(client: Client, damage: readonly Damage[]): Promise<Counts> {
  const counts = new Map<string, number>();
  for (const { statement, counts: kinds } of damage) {
    const { rowCount } = await client.query(statement);
    for (const kind of kinds) {
      const n = kind.as === 'shift' ? 1 : (rowCount ?? 0);
      const name = 'table' in kind ? `${kind.table} ${kind.as}` : 'of' in kind ? `${kind.as} ${kind.of}` : kind.as;
      counts.set(name, (counts.get(name) ?? 0) + n);
    }
  }
  return counts;
}

async function countRows(client: Client): Promise<Counts> {
  const each = DEMO_TABLES.map((table) => `select '${table}' as name, count(*)::int as rows from public.${table}`);
  const { rows } = await client.query<{ name: string; rows: number }>(each.join(' union all '));
  return new Map(rows.map((row) => [row.name, row.rows]));
}

async function runAll(client: Client, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await client.query(statement);
}

function inventoryOf(source: Counts, target: Counts, planted: Counts): DemoInventory {
  const inventoryOfTable = (table: DemoTable): TableInventory => ({
    rowsSource: source.get(table) ?? 0,
    rowsTarget: target.get(table) ?? 0,
    missing_in_target: planted.get(`${table} missing_in_target`) ?? 0,
    extra_in_target: planted.get(`${table} extra_in_target`) ?? 0,
    field_mismatch: planted.get(`${table} field_mismatch`) ?? 0,
  });
  return {
    tables: {
      currencies: inventoryOfTable('currencies'),
      customers: inventoryOfTable('customers'),
      accounts: inventoryOfTable('accounts'),
      orders: inventoryOfTable('orders'),
      order_items: inventoryOfTable('order_items'),
      transactions: inventoryOfTable('transactions'),
    },
    orphans: {
      toMissingOrders: planted.get('orphans toMissingOrders') ?? 0,
      toUnknownOrders: planted.get('orphans toUnknownOrders') ?? 0,
    },
    times: {
      shippedBeforeCreated: planted.get('shippedBeforeCreated') ?? 0,
      bookedAnHourEarly: planted.get('bookedAnHourEarly') ?? 0,
    },
    shifts: Object.fromEntries(DEMO_TABLES.map((table) => [table, planted.get(`${table} shift`) ?? 0])),
    drift: DRIFT,
  };
}
