import type { Comparison } from '../contracts/comparison';
import type { TextRow } from '../contracts/finding';
import type { Queryable } from '../database/connection';
import type { ForeignKey } from '../database/foreign-key';
import { quoteIdentifier } from '../database/identifier';
import { Batch, charactersOf } from './batch';
import type { EffectTable } from './effect-table';
import { keyDigest, keyRecord, type KeyValues } from './key';
import { keyMatch, wantedArrays } from './look-up';
import { alias, keyColumns, Parameters } from './range';
import type { Side } from './side';
import { textOf } from './text-form';

/** What the database would do to one row by itself, were the row deleted that it refers to. */
export interface Effect {
  /** The row to be deleted, by its place among the keys that were asked for. */
  readonly parent: number;
  readonly table: string;
  readonly operation: 'update' | 'delete';
  readonly key: TextRow;
  readonly keyDigest: string;
  readonly before: TextRow;
  /** The columns that change; null for a delete. */
  readonly after: TextRow | null;
  readonly constraint: string;
}

/** The values that a foreign key's `set null` or `set default` gives its columns; null where it deletes. */
export async function valuesSet(
  session: Queryable,
  key: ForeignKey,
  { targetColumns }: Comparison,
): Promise<TextRow | null> {
  if (key.onDelete === 'c') return null;
  const nothing = Object.fromEntries(key.setColumns.map((name) => [name, null]));
  if (key.onDelete === 'n') return nothing;
  const { rows } = await session.query<{ name: string; expression: string; type: string }>(
    `select a.attname as name, pg_get_expr(d.adbin, d.adrelid) as expression, format_type(a.atttypid, -1) as type
       from pg_attribute a join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
            join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = $1 and c.relname = $2 and a.attname = any ($3::text[])`,
    [key.child.schema, key.child.table, key.setColumns],
  );
  if (rows.length === 0) return nothing;
  const forms = new Map(targetColumns.map(({ name, form }) => [name, form]));
  const values = rows.map(
    ({ name, expression, type }) =>
      `${textOf(`((${expression})::${type})`, forms.get(name))} as ${quoteIdentifier(name)}`,
  );
  const evaluated = await session.query<TextRow>(`select ${values.join(', ')}`);
  return { ...nothing, ...evaluated.rows[0] };
}

/**
 * The rows of `child` that a foreign key would touch when the rows of `keys` are deleted, some at a time, as many as fit
 * in memory. To be called within a transaction, one at a time.
 */
export async function* findEffects(
  session: Queryable,
  parent: Side,
  keys: readonly KeyValues[],
  foreignKey: ForeignKey,
  child: EffectTable,
): AsyncIterable<readonly Effect[]> {
  if (keys.length === 0) return;
  const { side, comparison } = child;
  const set = await valuesSet(session, foreignKey, comparison);
  const parameters = new Parameters();
  const arrays = wantedArrays(parent, keys, parameters);
  const wanted = parent.key.map((_, i) => alias('w', i));
  const found = parent.key.map((column, i) => keyMatch(column, `"trueup:wanted".${wanted[i] ?? ''}`));
  const referred = foreignKey.parent.columns.map((name, i) => `${quoteIdentifier(name)} as "trueup:p${i}"`);
  const refers = foreignKey.child.columns.map(
    (name, i) => `"trueup:parent"."trueup:p${i}" ${foreignKey.equals[i] ?? '='} ${quoteIdentifier(name)}`,
  );
  const selected = [
    '"trueup:n"',
    keyColumns(side),
    ...side.columns.map((column, i) => `${column.text} as ${alias('c', i)}`),
  ];
  await session.query(
    `declare effects no scroll cursor for
     select ${selected.join(', ')}
       from (select "trueup:n", ${referred.join(', ')}
               from unnest(${arrays.join(', ')}) with ordinality as "trueup:wanted"(${wanted.join(', ')}, "trueup:n")
                    join ${parent.relation} on ${found.join(' and ')}) as "trueup:parent"
            join ${side.relation} on ${refers.join(' and ')}
      where ${child.condition}`,
    parameters.values,
  );
  const batch = new Batch();
  for (;;) {
    const { rows } = await session.query<Record<string, string | null>>(`fetch ${batch.rows} from effects`);
    if (rows.length === 0) break;
    batch.saw(rows.length, charactersOf(rows));
    yield rows.map((row): Effect => {
      const values = side.key.map((_, i) => row[`trueup:k${i}`] ?? null);
      const before = Object.fromEntries(side.columns.map((column, i) => [column.name, row[`trueup:c${i}`] ?? null]));
      return {
        parent: Number(row['trueup:n']) - 1,
        table: child.name,
        operation: set === null ? 'delete' : 'update',
        key: keyRecord(comparison, values),
        keyDigest: keyDigest(values),
        before,
        after: set && Object.fromEntries(Object.entries(set).filter(([name, value]) => before[name] !== value)),
        constraint: foreignKey.name,
      };
    });
  }
  await session.query('close effects');
}

/** `public.orders (orders_customer_id_fkey)`, for messages. */
export function nameOf({ child, name }: ForeignKey): string {
  return `${child.schema}.${child.table} (${name})`;
}
