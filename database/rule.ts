import type { Queryable } from './connection';

/** The enabled rules of a table or view for an operation, by name; a view's own query is none of them. */
export async function readRules(
  db: Queryable,
  schema: string,
  table: string,
  operation: string,
): Promise<readonly string[]> {
  const { rows } = await db.query<{ name: string }>(
    `select r.rulename::text as name
       from pg_rewrite r join pg_class c on c.oid = r.ev_class join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = $1 and c.relname = $2 and r.ev_enabled in ('O', 'A')
        and r.ev_type = case $3 when 'update' then '2' when 'insert' then '3' when 'delete' then '4' end::"char"
      order by 1`,
    [schema, table, operation],
  );
  return rows.map(({ name }) => name);
}
