import { Client } from 'pg';
import { DEMO_TABLES, type DemoTable } from './inventory';

/** One table, compared by plain SQL over connections of its own: none of Trueup's own code takes part. */
export interface TableCheck {
  readonly table: DemoTable;
  readonly equal: boolean;
  readonly rowsLegacy: number;
  readonly rowsModern: number;
}

/** What the two sides keep each for itself. */
const NOT_COMPARED = ['updated_at', 'version'];

export async function checkDemo(urls: {
  readonly legacy: string;
  readonly modern: string;
}): Promise<readonly TableCheck[]> {
  return withClient(urls.legacy, (legacy) =>
    withClient(urls.modern, async (modern) => {
      const checks: TableCheck[] = [];
      for (const table of DEMO_TABLES) {
        const columns = await sharedColumns(legacy, modern, table);
        const [left, right] = await Promise.all([digest(legacy, table, columns), digest(modern, table, columns)]);
        checks.push({
          table,
          equal: left.rows === right.rows && left.md5 === right.md5,
          rowsLegacy: left.rows,
          rowsModern: right.rows,
        });
      }
      return checks;
    }),
  );
}

async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, application_name: 'trueup demo check' });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(`set timezone = 'UTC'`);
    await client.query(`set work_mem = '128MB'`);
    return await use(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function sharedColumns(legacy: Client, modern: Client, table: DemoTable): Promise<readonly string[]> {
  const [left, right] = await Promise.all([columnsOf(legacy, table), columnsOf(modern, table)]);
  return left.filter((column) => right.includes(column) && !NOT_COMPARED.includes(column));
}

async function columnsOf(client: Client, table: DemoTable): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select column_name as name from information_schema.columns
      where table_schema = 'public' and table_name = $1 order by column_name`,
    [table],
  );
  return rows.map((row) => row.name);
}

/** md5 over the md5 of every row, in the order of those: the same for the same rows, wherever they lie. */
async function digest(client: Client, table: DemoTable, columns: readonly string[]) {
  const row = columns.map((column) => `"${column}"::text`).join(', ');
  const { rows } = await client.query<{ rows: string; md5: string }>(
    `select count(*) as rows, coalesce(md5(string_agg(hash, '' order by hash collate "C")), '') as md5
       from (select md5(row(${row})::text) as hash from public.${table}) as hashed`,
  );
  return { rows: Number(rows[0]?.rows ?? 0), md5: rows[0]?.md5 ?? '' };
}
