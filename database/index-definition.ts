import type { Queryable } from './connection';

export interface IndexPart {
  /** A column's name; null: an expression. */
  readonly column: string | null;
  readonly expression: string | null;
  /** Where it is not the type's own: schema-qualified and quoted. */
  readonly operatorClass: string | null;
  /** Where it is not the column's own: schema-qualified and quoted. */
  readonly collation: string | null;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

export interface IndexDefinition {
  readonly name: string;
  readonly method: string;
  readonly unique: boolean;
  readonly primary: boolean;
  /** The constraint that it belongs to; null: it is an index alone. */
  readonly constraint: string | null;
  readonly deferrable: boolean;
  readonly deferred: boolean;
  readonly nullsDistinct: boolean;
  readonly parts: readonly IndexPart[];
  readonly included: readonly string[];
  readonly predicate: string | null;
}

/** The valid indexes of a table, the primary key first, then by name. */
export async function readIndexDefinitions(db: Queryable, oid: string): Promise<readonly IndexDefinition[]> {
  const { rows } = await db.query<
    Record<'name' | 'method' | 'is_unique' | 'is_primary' | 'nulls_distinct' | 'parts' | 'included', string> &
      Record<'constraint' | 'deferrable' | 'deferred' | 'predicate', string | null>
  >(
    `select x.relname as name, m.amname as method, i.indisunique as is_unique, i.indisprimary as is_primary,
            c.conname as constraint, c.condeferrable as deferrable, c.condeferred as deferred,
            -- PostgreSQL 14 has no such column.
            not coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) as nulls_distinct,
            pg_get_expr(i.indpred, i.indrelid) as predicate,
            (select json_agg(json_build_object(
                      'column', a.attname, 'expression', case when k.attnum = 0 then pg_get_indexdef(i.indexrelid, k.n::int, false) end,
                      'operatorClass', case when not o.opcdefault then format('%I.%I', s.nspname, o.opcname) end,
                      'collation', case when l.oid is not null and l.oid <> coalesce(a.attcollation, l.oid)
                                        then format('%I.%I', z.nspname, l.collname) end,
                      'descending', i.indoption[k.n - 1] & 1 = 1, 'nullsFirst', i.indoption[k.n - 1] & 2 = 2) order by k.n)
               from unnest(i.indkey::int2[]) with ordinality as k(attnum, n)
                    left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum and k.attnum <> 0
                    join pg_opclass o on o.oid = i.indclass[k.n - 1] join pg_namespace s on s.oid = o.opcnamespace
                    left join pg_collation l on l.oid = i.indcollation[k.n - 1]
                    left join pg_namespace z on z.oid = l.collnamespace
              where k.n <= i.indnkeyatts) as parts,
            to_json(array(select a.attname::text from unnest(i.indkey::int2[]) with ordinality as k(attnum, n)
                     join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
                    where k.n > i.indnkeyatts order by k.n)) as included
       from pg_index i join pg_class x on x.oid = i.indexrelid join pg_am m on m.oid = x.relam
            left join pg_constraint c on c.conindid = i.indexrelid and c.conrelid = i.indrelid and c.contype in ('p', 'u', 'x')
      where i.indrelid = $1::oid and i.indisvalid and c.contype is distinct from 'x'
      order by i.indisprimary desc, x.relname`,
    [oid],
  );
  return rows.map((row) => ({
    name: row.name,
    method: row.method,
    unique: row.is_unique === 't',
    primary: row.is_primary === 't',
    constraint: row.constraint,
    deferrable: row.deferrable === 't',
    deferred: row.deferred === 't',
    nullsDistinct: row.nulls_distinct === 't',
    parts: JSON.parse(row.parts) as IndexPart[],
    included: JSON.parse(row.included) as string[],
    predicate: row.predicate,
  }));
}
