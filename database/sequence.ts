import type { Queryable } from './connection';
import { quoteQualified } from './identifier';

/** A sequence that gives a column its values: of a serial or an identity column. */
export interface Sequence {
  /** The sequence's name, quoted for SQL. */
  readonly name: string;
  readonly column: string;
  readonly ascending: boolean;
  /** Whether the user may see where it stands, and move it. */
  readonly movable: boolean;
}

export async function readSequences(db: Queryable, schema: string, table: string): Promise<readonly Sequence[]> {
  const { rows } = await db.query<Record<'schema' | 'name' | 'column' | 'ascending' | 'movable', string>>(
    `select sn.nspname as schema, s.relname as name, a.attname as column, q.seqincrement > 0 as ascending,
            has_sequence_privilege(s.oid, 'SELECT') and has_sequence_privilege(s.oid, 'UPDATE')
              and has_schema_privilege(sn.oid, 'USAGE') as movable
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
            join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid and d.deptype in ('a', 'i')
                            and d.classid = 'pg_class'::regclass
            join pg_class s on s.oid = d.objid and s.relkind = 'S' join pg_namespace sn on sn.oid = s.relnamespace
            join pg_sequence q on q.seqrelid = s.oid
            join pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid
      where n.nspname = $1 and c.relname = $2 order by a.attnum`,
    [schema, table],
  );
  return rows.map((row) => ({
    name: quoteQualified(row.schema, row.name),
    column: row.column,
    ascending: row.ascending === 't',
    movable: row.movable === 't',
  }));
}

/** Moves a sequence past a value, never back; whether it had to be moved. */
export async function moveSequencePast(db: Queryable, sequence: Sequence, value: string): Promise<boolean> {
  const { name, ascending } = sequence;
  const isBehind = ascending ? 's.last_value < $2::bigint' : 's.last_value > $2::bigint';
  const { rows } = await db.query(
    `select setval($1::regclass, $2::bigint) from ${name} as s
      where ${isBehind} or (s.last_value = $2::bigint and not s.is_called)`,
    [name, value],
  );
  return rows.length > 0;
}
