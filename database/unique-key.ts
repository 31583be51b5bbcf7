import type { Queryable } from './connection';

/** A unique index over plain columns, without a condition. */
export interface UniqueKey {
  readonly name: string;
  readonly columns: readonly string[];
  /** Whether it can wait for the end of a transaction. */
  readonly deferrable: boolean;
  /** Whether rows that hold NULL in one of its columns never collide. */
  readonly nullsDistinct: boolean;
}

export async function readUniqueKeys(db: Queryable, schema: string, table: string): Promise<readonly UniqueKey[]> {
  const { rows } = await db.query<Record<'name' | 'columns' | 'deferrable' | 'distinct', string>>(
    `select ic.relname as name, not i.indimmediate as deferrable,
            -- PostgreSQL 14 has no such column.
            coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) = false as distinct,
            to_json(array(select a.attname::text from unnest(i.indkey::int[]) with ordinality as k(attnum, n)
                     join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
                    where k.n <= i.indnkeyatts order by k.n)) as columns
       from pg_index i join pg_class ic on ic.oid = i.indexrelid join pg_class c on c.oid = i.indrelid
            join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = $1 and c.relname = $2 and i.indisunique and i.indisvalid and i.indpred is null
        and i.indexprs is null
      order by ic.relname`,
    [schema, table],
  );
  return rows.map((row) => ({
    name: row.name,
    columns: JSON.parse(row.columns) as string[],
    deferrable: row.deferrable === 't',
    nullsDistinct: row.distinct === 't',
  }));
}
