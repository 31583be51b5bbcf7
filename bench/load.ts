import { createHash } from 'node:crypto';
import { Client } from 'pg';
import { quoteIdentifier } from '../database/identifier';
import type { BenchColumn, BenchTable, Damage } from './table';

/** Rows in which the sides differ, by what is to be found of them. */
export type Expected = Readonly<Record<Damage, number>>;

/** A table pair as it stands in both databases. */
export interface LoadedTable {
  readonly table: BenchTable;
  readonly rows: number;
  /** Name in both databases and in the config. */
  readonly name: string;
  readonly expected: Expected;
  /** Size of the source's table without indexes. */
  readonly bytes: number;
}

export interface Urls {
  readonly source: string;
  readonly target: string;
}

export function tableName(table: BenchTable, rows: number): string {
  return `${table.name}_${rows}`;
}

/** Runs `use` on one session of its own. */
export async function onSession<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** Makes a table on both sides at once, unless both hold it already from an earlier bench of the same definition. */
export async function loadTable(urls: Urls, table: BenchTable, rows: number): Promise<LoadedTable> {
  const known = await findTable(urls, table, rows);
  if (known !== null) return known;
  const damage = table.damage(rows);
  const expected = await onSession(urls.source, (client) => countDamage(client, damage, rows));
  const note = JSON.stringify({ digest: digestOf(table, rows), expected });
  await Promise.all([fill(urls.source, table, rows, 'source', note), fill(urls.target, table, rows, 'target', note)]);
  const loaded = await findTable(urls, table, rows);
  if (loaded === null) throw new Error(`${tableName(table, rows)} was loaded and is not there`);
  return loaded;
}

/** The table as an earlier bench left it; null when a side has none, or one of another definition. */
export async function findTable(urls: Urls, table: BenchTable, rows: number): Promise<LoadedTable | null> {
  const name = tableName(table, rows);
  const look = (url: string) =>
    onSession(url, async (client) => {
      const { rows: found } = await client.query<{ note: string | null; bytes: string | null }>(
        `select obj_description(to_regclass($1), 'pg_class') as note, pg_relation_size(to_regclass($1)) as bytes`,
        [name],
      );
      return found[0];
    });
  const [source, target] = await Promise.all([look(urls.source), look(urls.target)]);
  if (!source?.note || source.note !== target?.note) return null;
  const note = JSON.parse(source.note) as { digest: string; expected: Expected };
  if (note.digest !== digestOf(table, rows)) return null;
  const bytes = Math.max(Number(source.bytes), Number(target.bytes));
  return { table, rows, name, expected: note.expected, bytes };
}

export async function dropTable(urls: Urls, { name }: LoadedTable): Promise<void> {
  const drop = (url: string) =>
    onSession(url, (client) => client.query(`drop table if exists ${quoteIdentifier(name)}`));
  await Promise.all([drop(urls.source), drop(urls.target)]);
}

async function countDamage(client: Client, damage: string, rows: number): Promise<Expected> {
  const { rows: counts } = await client.query<{ damage: Damage; n: string }>(
    `select damage, count(*) as n from (select ${damage} as damage from generate_series(1, $1::bigint) as g) as d
      where damage is not null group by 1`,
    [rows],
  );
  const count = (damage: Damage) => Number(counts.find((found) => found.damage === damage)?.n ?? 0);
  return {
    field_mismatch: count('field_mismatch'),
    missing_in_target: count('missing_in_target'),
    extra_in_target: count('extra_in_target'),
  };
}

async function fill(url: string, table: BenchTable, rows: number, side: 'source' | 'target', note: string) {
  const name = quoteIdentifier(tableName(table, rows));
  const columns = table.columns.map((column) => `${quoteIdentifier(column.name)} ${column.type} not null`);
  const values = table.columns.map((column) => (side === 'source' ? column.value : targetValue(column)));
  const key = table.key.map(quoteIdentifier).join(', ');
  await onSession(url, async (client) => {
    await client.query(`set maintenance_work_mem = '256MB'`);
    await client.query(`drop table if exists ${name}`);
    await client.query(`create table ${name} (${columns.join(', ')})`);
    await client.query(
      `insert into ${name} select ${values.join(', ')}
         from (select g, ${table.damage(rows)} as damage from generate_series(1, $1::bigint) as g) as d
        where damage is distinct from $2`,
      [rows, side === 'source' ? 'extra_in_target' : 'missing_in_target'],
    );
    await client.query(`alter table ${name} add primary key (${key})`);
    await client.query(`vacuum (analyze) ${name}`);
    // Last: only a table that is complete says what it is.
    await client.query(`comment on table ${name} is ${client.escapeLiteral(note)}`);
    await client.query('checkpoint');
  });
}

function targetValue({ value, changed }: BenchColumn): string {
  if (changed === undefined) return value;
  return `case when damage = 'field_mismatch' and ${changed.when} then ${changed.value} else ${value} end`;
}

function digestOf(table: BenchTable, rows: number): string {
  const definition = { key: table.key, columns: table.columns, damage: table.damage(rows), rows };
  return createHash('sha256').update(JSON.stringify(definition)).digest('hex').slice(0, 16);
}
