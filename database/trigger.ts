import type { Queryable } from './connection';

/** What fires a trigger of a table. */
export interface Trigger {
  readonly name: string;
  readonly operation: 'insert' | 'update' | 'delete';
  /** An update fires it only when it sets one of these columns; empty: any. */
  readonly columns: readonly string[];
}

/**
 * The enabled triggers of a table, by name and without PostgreSQL's own (those of foreign keys). What writes to a table
 * also fires the triggers for each row of its partitions, and what updates or deletes those of tables that inherit.
 */
export async function readTriggers(db: Queryable, schema: string, table: string): Promise<readonly Trigger[]> {
  const { rows } = await db.query<Record<'name' | 'operation' | 'columns', string>>(
    `with recursive relations (oid, is_top, is_partition) as (
       select c.oid, true, true from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = $1 and c.relname = $2
       union
       select c.oid, false, r.is_partition and c.relispartition
         from relations r join pg_inherits i on i.inhparent = r.oid join pg_class c on c.oid = i.inhrelid)
     select distinct t.tgname::text as name, o.operation,
            to_json(array(select a.attname::text from unnest(t.tgattr::int2[]) as k(n)
                            join pg_attribute a on a.attrelid = t.tgrelid and a.attnum = k.n
                           where o.operation = 'update' order by 1))::text as columns
       from relations r join pg_trigger t on t.tgrelid = r.oid
            -- The bits of tgtype: 1 for each row, 4 insert, 8 delete, 16 update.
            join (values ('insert', 4), ('delete', 8), ('update', 16)) as o(operation, bit) on t.tgtype & o.bit <> 0
      where not t.tgisinternal and t.tgparentid = 0
        -- O: where the data is changed; R: where a change is replicated; A: always.
        and t.tgenabled in ('A', case current_setting('session_replication_role') when 'replica' then 'R' else 'O' end)
        and (r.is_top or (t.tgtype & 1 <> 0 and (r.is_partition or o.operation <> 'insert')))
      order by name, o.operation`,
    [schema, table],
  );
  return rows.map((row) => ({
    name: row.name,
    operation: row.operation as Trigger['operation'],
    columns: JSON.parse(row.columns) as string[],
  }));
}
