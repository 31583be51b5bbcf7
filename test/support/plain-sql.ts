import { DEMO_TABLES, type DemoTable } from '../../client/demo/inventory';
import { FOREIGN_KEYS, keyOf } from '../../client/demo/schema';
import type { TextRow } from './database';

/*
 * What a run over the demo's databases has to find, by plain SQL on each of them and by comparing texts here: none of
 * what Trueup compares or checks with takes part.
 */

/** Runs statements on a database in UTC; the rows of the last one, as texts. */
export type Ask = (sql: string) => Promise<TextRow[]>;
export interface TwoSides {
  readonly source: Ask;
  readonly target: Ask;
}

const KEY = 'the key';
const NOT_COMPARED = ['updated_at', 'version'];
const shown = (value: string | null | undefined) => value ?? 'NULL';

/** A row's key or a group, whatever the order of its columns: `a=1|b=NULL`. */
export function keyLine(key: Readonly<Record<string, string | null>>): string {
  const parts = Object.entries(key).map(([name, value]) => `${name}=${shown(value)}`);
  return parts.sort().join('|');
}

async function both<T>({ source, target }: TwoSides, use: (ask: Ask) => Promise<T>): Promise<readonly [T, T]> {
  return Promise.all([use(source), use(target)]);
}

async function columnsOf(sides: TwoSides, table: DemoTable): Promise<readonly string[]> {
  const [source, target] = await both(sides, async (ask) => {
    const rows = await ask(`select column_name as name from information_schema.columns
      where table_schema = 'public' and table_name = '${table}' order by column_name`);
    return rows.map(({ name }) => name ?? '');
  });
  return source.filter((name) => target.includes(name) && ![...NOT_COMPARED, keyOf(table)].includes(name));
}

async function rowsOf(sides: TwoSides, table: DemoTable) {
  const columns = await columnsOf(sides, table);
  const texts = columns.map((name) => `${name}::text as ${name}`).join(', ');
  const [source, target] = await both(sides, async (ask) => {
    const rows = await ask(`select ${keyOf(table)}::text as "${KEY}", ${texts} from public.${table}`);
    return new Map(rows.map((row) => [shown(row[KEY]), row]));
  });
  return { columns, source, target };
}

function differing(columns: readonly string[], a: TextRow, b: TextRow): readonly string[] {
  return columns
    .filter((name) => (a[name] ?? null) !== (b[name] ?? null))
    .map((name) => `${name}: ${shown(a[name])} / ${shown(b[name])}`)
    .sort();
}

/** How many keys the two sides have together, and the keys of rows that are alike, in order. */
export async function columnsByPlainSql(sides: TwoSides, table: DemoTable) {
  const { columns, source, target } = await rowsOf(sides, table);
  const alike = [...source].flatMap(([key, row]) => {
    const other = target.get(key);
    return other !== undefined && differing(columns, row, other).length === 0 ? [key] : [];
  });
  return { keys: new Set([...source.keys(), ...target.keys()]).size, alike: alike.sort() };
}

/** `table; type; key; column: source / target; …` */
export async function rowsByPlainSql(sides: TwoSides, tables: readonly DemoTable[]): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const table of tables) {
    const { columns, source, target } = await rowsOf(sides, table);
    for (const [key, row] of source) {
      const other = target.get(key);
      if (other === undefined) {
        lines.push(`${table}; missing_in_target; ${key}`);
        continue;
      }
      const values = differing(columns, row, other);
      if (values.length > 0) lines.push([table, 'field_mismatch', key, ...values].join('; '));
    }
    for (const key of target.keys()) if (!source.has(key)) lines.push(`${table}; extra_in_target; ${key}`);
  }
  return lines.sort();
}

const REFERENCES = [...FOREIGN_KEYS, ['transactions', 'order_ref', 'orders'] as const];

/** `table key reference insert|review`: the target's orphans that are none in the source. */
export async function orphansByPlainSql(sides: TwoSides): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const [child, column, parent] of REFERENCES) {
    const orphans = `select ${keyOf(child)}::text as key, ${column}::text as ref from public.${child} as c
      where ${column} is not null and not exists (select from public.${parent} as p where p.${keyOf(parent)} = c.${column})`;
    const [ofSource, ofTarget] = await both(sides, (ask) => ask(orphans));
    const parents = await sides.source(`select ${keyOf(parent)}::text as key from public.${parent}`);
    const known = new Set(parents.map(({ key }) => key));
    const alike = new Set(ofSource.map(({ key, ref }) => `${shown(key)} ${shown(ref)}`));
    for (const { key, ref } of ofTarget) {
      if (alike.has(`${shown(key)} ${shown(ref)}`)) continue;
      lines.push(`${child} ${shown(key)} ${shown(ref)} ${known.has(ref ?? null) ? 'insert' : 'review'}`);
    }
  }
  return lines.sort();
}

/** Columns that hold times or days. */
const TIMES: readonly (readonly [table: DemoTable, column: string])[] = [
  ['customers', 'birth_date'],
  ['customers', 'created_at'],
  ['accounts', 'opened_on'],
  ['orders', 'created_at'],
  ['orders', 'shipped_at'],
  ['transactions', 'booked_at'],
];
const QUARTER = 900_000_000n;

/** Orders of the target that were shipped before they were made, and columns of which many rows are off equally far. */
export async function timesByPlainSql(sides: TwoSides): Promise<readonly string[]> {
  const early = 'select id::text as key from public.orders where shipped_at < created_at';
  const lines = (await sides.target(early)).map(
    ({ key }) => `orders ${shown(key)} created_at <= shipped_at does not hold`,
  );
  for (const [table, column] of TIMES) {
    const read = `select ${keyOf(table)}::text as key, (extract(epoch from ${column}) * 1000000)::bigint::text as at
      from public.${table} where ${column} is not null`;
    const [source, target] = await both(
      sides,
      async (ask) => new Map((await ask(read)).map((row) => [row['key'], row['at']])),
    );
    const offsets = new Map<bigint, number>();
    for (const [key, at] of source) {
      const other = target.get(key);
      if (other === undefined || other === at) continue;
      const offset = BigInt(other ?? 0) - BigInt(at ?? 0);
      offsets.set(offset, (offsets.get(offset) ?? 0) + 1);
    }
    const all = [...offsets.values()].reduce((sum, n) => sum + n, 0);
    for (const [offset, rows] of offsets) {
      const isZone = offset % QUARTER === 0n && offset <= 26n * 4n * QUARTER && offset >= -26n * 4n * QUARTER;
      if (rows >= 3 && (2 * rows >= all || isZone)) lines.push(`${table}.${column} ${rows} rows`);
    }
  }
  return lines.sort();
}

/** `table.name source / target`: what the catalogs of both sides say of columns, constraints and indexes. */
export async function driftByPlainSql(sides: TwoSides): Promise<readonly string[]> {
  const within = `relnamespace = 'public'::regnamespace and relname in (${DEMO_TABLES.map((name) => `'${name}'`).join()})`;
  const catalog = `
    select relname || '.' || attname as name, format_type(atttypid, atttypmod) as type,
           concat_ws(' ', attnotnull, attidentity, attgenerated, attcollation::regcollation, pg_get_expr(adbin, adrelid)) as more
      from pg_attribute join pg_class as c on c.oid = attrelid left join pg_attrdef on adrelid = c.oid and adnum = attnum
     where ${within} and relkind = 'r' and attnum > 0 and not attisdropped
    union all
    select relname || '.' || conname, contype::text, pg_get_constraintdef(o.oid) from pg_constraint as o
      join pg_class as c on c.oid = conrelid where ${within} and contype <> 'n'
    union all
    select tablename || '.' || indexname, 'index', indexdef from pg_indexes where schemaname = 'public'`;
  const [source, target] = await both(
    sides,
    async (ask) => new Map((await ask(catalog)).map((row) => [shown(row['name']), row])),
  );
  const lines: string[] = [];
  for (const name of new Set([...source.keys(), ...target.keys()])) {
    const [a, b] = [source.get(name), target.get(name)];
    if (a?.['type'] === b?.['type'] && a?.['more'] === b?.['more']) continue;
    lines.push(`${name} ${a?.['type'] ?? 'none'} / ${b?.['type'] ?? 'none'}`);
  }
  return lines.sort();
}

/** `table; group; count: source / target` of each group that differs, and of all rows. */
export async function countsByPlainSql(
  sides: TwoSides,
  groups: Partial<Record<DemoTable, readonly string[]>>,
): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const table of DEMO_TABLES) {
    for (const by of [groups[table] ?? [], []]) {
      const grouped = await aggregates(sides, table, by, []);
      for (const [group, { source, target }] of grouped) {
        const [a, b] = [source?.['count'] ?? '0', target?.['count'] ?? '0'];
        if (a !== b) lines.push(`${table}; ${group}; count: ${a} / ${b}`);
      }
    }
  }
  return [...new Set(lines)].sort();
}

interface Grouped {
  source?: TextRow;
  target?: TextRow;
}

/** Count, sums and content of each group of each side. */
async function aggregates(sides: TwoSides, table: DemoTable, by: readonly string[], sums: readonly string[]) {
  const columns = await columnsOf(sides, table);
  const keys = by.map((item, i) => `(${item})::text as k${i}`);
  const summed = sums.map((name) => `trim_scale(sum(${name})::numeric)::text as "sum(${name})"`);
  const order = `${keyOf(table)}::text collate "C"`;
  const content = `md5(string_agg(row(${[keyOf(table), ...columns].join()})::text, '|' order by ${order})) as content`;
  const sql = `select ${[...keys, 'count(*)', ...summed, content].join(', ')} from public.${table}
    ${by.length === 0 ? '' : `group by ${by.map((_, i) => i + 1).join()}`}`;
  const grouped = new Map<string, Grouped>();
  for (const side of ['source', 'target'] as const) {
    for (const row of await sides[side](sql)) {
      const group = keyLine(Object.fromEntries(by.map((item, i) => [item, row[`k${i}`] ?? null])));
      grouped.set(group, { ...grouped.get(group), [side]: row });
    }
  }
  return grouped;
}

type Aggregated = Readonly<Record<DemoTable, readonly [by: readonly string[], sums: readonly string[]]>>;

/** `table; group; what differs: source / target; …; n missing, n extra, n mismatched` */
export async function aggregatesByPlainSql(sides: TwoSides, tables: Aggregated): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const table of DEMO_TABLES) {
    const [by, sums] = tables[table];
    const rows = await rowsByGroup(sides, table, by);
    for (const [group, { source, target }] of await aggregates(sides, table, by, sums)) {
      if (source?.['content'] === target?.['content']) continue;
      const [a, b] = [source ?? { count: '0' }, target ?? { count: '0' }] as [TextRow, TextRow];
      const names = ['count', ...sums.map((name) => `sum(${name})`)];
      const values = [...differing(names, a, b), 'checksum'].sort();
      lines.push([table, group, ...values, rows.get(group) ?? ''].join('; '));
    }
  }
  return lines.sort();
}

/** How many rows of each group differ, and how; one that is in another group of the other side is mismatched in both. */
async function rowsByGroup(
  sides: TwoSides,
  table: DemoTable,
  by: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { columns, source, target } = await rowsOf(sides, table);
  const groups = by.map((item, i) => `, (${item})::text as k${i}`).join('');
  const [ofSource, ofTarget] = await both(sides, async (ask) => {
    const read = await ask(`select ${keyOf(table)}::text as "${KEY}" ${groups} from public.${table}`);
    const groupOf = (row: TextRow) => keyLine(Object.fromEntries(by.map((item, i) => [item, row[`k${i}`] ?? null])));
    return new Map(read.map((row) => [shown(row[KEY]), groupOf(row)]));
  });
  const counts = new Map<string, [missing: number, extra: number, mismatched: number]>();
  const add = (name: string | undefined, at: 0 | 1 | 2) => {
    const count = counts.get(name ?? '') ?? [0, 0, 0];
    count[at] += 1;
    counts.set(name ?? '', count);
  };
  for (const key of new Set([...source.keys(), ...target.keys()])) {
    const [a, b] = [source.get(key), target.get(key)];
    if (b === undefined) add(ofSource.get(key), 0);
    else if (a === undefined) add(ofTarget.get(key), 1);
    else if (differing(columns, a, b).length > 0) {
      for (const name of new Set([ofSource.get(key), ofTarget.get(key)])) add(name, 2);
    }
  }
  return new Map([...counts].map(([name, [m, e, d]]) => [name, `${m} missing, ${e} extra, ${d} mismatched`]));
}

/** A decimal number as a whole number of its 100th parts; null: it is none. */
const cents = (text: string) => (/^-?\d+\.\d\d$/.test(text) ? BigInt(text.replace('.', '')) : null);

/** `rule; key; value: source / target; KIND` of a rule with a tolerance of 0.01. */
export async function ruleByPlainSql(sides: TwoSides, name: string, sql: string): Promise<readonly string[]> {
  const [source, target] = await both(sides, async (ask) => {
    const rows = await ask(sql);
    return new Map(
      rows.map((row) => {
        const columns = Object.entries(row);
        return [keyLine(Object.fromEntries(columns.slice(0, -1))), columns.at(-1)];
      }),
    );
  });
  const lines: string[] = [];
  for (const key of new Set([...source.keys(), ...target.keys()])) {
    const [a, b] = [source.get(key), target.get(key)];
    const kind = b === undefined ? 'MISSING_IN_TARGET' : a === undefined ? 'EXTRA_IN_TARGET' : 'VALUE_MISMATCH';
    const [left, right] = [cents(a?.[1] ?? ''), cents(b?.[1] ?? '')];
    const isNear = left !== null && right !== null ? left - right <= 1n && right - left <= 1n : a?.[1] === b?.[1];
    if (a !== undefined && b !== undefined && isNear) continue;
    const value = (text: string | null | undefined) =>
      shown(text).replace(/\.?0+$/, (end) => (text?.includes('.') ? '' : end));
    lines.push([name, key, `${(a ?? b)?.[0] ?? ''}: ${value(a?.[1])} / ${value(b?.[1])}`, kind].join('; '));
  }
  return lines.sort();
}
