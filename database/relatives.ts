import type { Queryable } from './connection';

/**
 * The tables that each of these is, or is a part of, by its OID: itself, what it is a partition of or inherits from, at any
 * distance, and the views over any of them.
 */
export async function readRelated(
  db: Queryable,
  oids: readonly string[],
): Promise<ReadonlyMap<string, readonly { readonly schema: string; readonly table: string }[]>> {
  const { rows } = await db.query<Record<'of' | 'schema' | 'name', string>>(
    `with recursive related (of, oid) as (
       select o, o from unnest($1::oid[]) as t(o)
       union
       select r.of, next.oid
         from related r cross join lateral (
                select inhparent from pg_inherits where inhrelid = r.oid
                union all
                select w.ev_class from pg_depend d join pg_rewrite w on w.oid = d.objid
                 where d.refclassid = 'pg_class'::regclass and d.refobjid = r.oid and d.classid = 'pg_rewrite'::regclass
                   and w.rulename = '_RETURN') as next(oid))
     select r.of, n.nspname as schema, c.relname as name
       from related r join pg_class c on c.oid = r.oid join pg_namespace n on n.oid = c.relnamespace`,
    [oids],
  );
  const related = new Map<string, { readonly schema: string; readonly table: string }[]>();
  for (const { of, schema, name } of rows) related.set(of, [...(related.get(of) ?? []), { schema, table: name }]);
  return related;
}
