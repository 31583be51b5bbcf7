import { readCollations, type CollationShape } from './collation';
import type { Queryable } from './connection';

export interface ColumnShape {
  readonly name: string;
  /** With its modifier, as SQL text that can be cast to: `numeric(12,2)`. */
  readonly type: string;
  /** Without its modifier, so that casting to it cuts nothing; of a domain, the type that it is made of. */
  readonly baseType: string;
  /** pg_type.typcategory: `S` strings, `N` numbers, `D` dates and times, `E` enums, … */
  readonly category: string;
  /** Whether no row can hold NULL here; never true of what is not proven: views, foreign and inherited tables. */
  readonly notNull: boolean;
  /** Computed by the database; never written. */
  readonly generated: boolean;
  readonly identity: boolean;
  /** The collation by which the column sorts; null for types that have none. */
  readonly collation: CollationShape | null;
  /** The labels of an enum in their order; null for other types. */
  readonly labels: readonly string[] | null;
  /** Whether its type is a user's, with a cast to text of its own: what that gives may tell less than the output does. */
  readonly ownText?: boolean;
  /** Whether a row that leaves it out is refused: it cannot be NULL, and no default and no sequence fills it. */
  readonly needed?: boolean;
}

export interface IndexShape {
  readonly columns: readonly string[];
  /** Each column's collation, quoted for SQL, or null for types that have none. */
  readonly collations: readonly (string | null)[];
  readonly unique: boolean;
  /** Whether reading it forwards or backwards gives the ascending order of its columns. */
  readonly ordered: boolean;
}

export interface TableShape {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly ColumnShape[];
  /** In the key's own order; empty: there is none. */
  readonly primaryKey: readonly string[];
  /** Valid, unconditional btree indexes over plain columns; none of a table with inheritors, as they lack its rows. */
  readonly indexes: readonly IndexShape[];
  /** Which of SELECT, INSERT, UPDATE, DELETE the session's user has. */
  readonly privileges: ReadonlySet<string>;
  /** Whether a trigger may fill what an insert leaves out. */
  readonly filled?: boolean;
}

/**
 * The type behind a domain, or behind a domain over a domain. Modifier -1 makes it a type that takes any length:
 * without it, char(5) would be named `character`, which as a cast means char(1) and cuts the value.
 */
export const BASE_TYPE = `(with recursive b(oid) as (
    select a.atttypid union all select y.typbasetype from b join pg_type y on y.oid = b.oid where y.typtype = 'd')
  select b.oid from b join pg_type y on y.oid = b.oid where y.typtype <> 'd')`;

/** Not proven by attnotnull: PostgreSQL 18 has NOT NULL constraints that earlier rows were never checked against. */
const NOT_NULL = `a.attnotnull and r.relkind in ('r', 'p') and not r.inherited and not exists (
  select 1 from pg_constraint n where n.conrelid = a.attrelid and n.contype = 'n' and not n.convalidated
     and a.attnum = any (n.conkey))`;

/** A cast to text that is a function: for any other type the cast is the type's output. PostgreSQL's own are known. */
const OWN_TEXT = `y.oid >= 16384 and exists (select 1 from pg_cast k
  where k.castsource = y.oid and k.casttarget = 'text'::regtype and k.castmethod = 'f')`;

const NEEDED = `r.relkind in ('r', 'p', 'f') and (a.attnotnull or t.typtype = 'd' and t.typnotnull)
  and not a.atthasdef and a.attidentity = '' and t.typdefault is null`;

/** Triggers that see a row before it is inserted, here or in a partition. */
const FILLED = `exists (select 1 from pg_trigger g
  where g.tgtype & 7 = 7 and g.tgenabled in ('O', 'A') and not g.tgisinternal
    and (g.tgrelid = c.oid or g.tgrelid in (select p.relid from pg_partition_tree(c.oid) as p)))`;

/** Reads a table, view or partitioned table from the catalog; null when the user can see none of that name. */
export async function readTableShape(db: Queryable, schema: string, name: string): Promise<TableShape | null> {
  const found = await db.query<Record<'oid' | 'relkind' | 'inherited' | 'privileges' | 'filled', string>>(
    `select c.oid, c.relkind, c.relkind = 'r' and exists (select 1 from pg_inherits h where h.inhparent = c.oid) as inherited,
            array_to_string(array(
              select p from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) as p
               where has_table_privilege(c.oid, p)), ',') as privileges,
            ${FILLED} as filled
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f')`,
    [schema, name],
  );
  const table = found.rows[0];
  if (!table) return null;
  const columns = await db.query<
    Record<
      'name' | 'type' | 'base' | 'category' | 'not_null' | 'gen' | 'ident' | 'collation' | 'own_text' | 'needed',
      string
    > & {
      labels: string | null;
    }
  >(
    `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, format_type(y.oid, -1) as base,
            t.typcategory as category, ${NOT_NULL} as not_null, a.attgenerated <> '' as gen,
            a.attidentity <> '' as ident, a.attcollation as collation, ${OWN_TEXT} as own_text, ${NEEDED} as needed,
            case when y.typtype = 'e' then
              (select to_json(array_agg(e.enumlabel::text order by e.enumsortorder)) from pg_enum e
                where e.enumtypid = y.oid) end as labels
       from pg_attribute a join pg_type t on t.oid = a.atttypid join pg_type y on y.oid = ${BASE_TYPE}
            cross join (values ($2::"char", $3::boolean)) as r(relkind, inherited)
      where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped order by a.attnum`,
    [table.oid, table.relkind, table.inherited],
  );
  const indexes = await readIndexes(db, table.oid);
  const collations = await readCollations(db, [
    ...new Set([...columns.rows.map((row) => row.collation), ...indexes.flatMap((index) => index.collations)]),
  ]);
  const ofTable = indexes.map(({ columns, unique, ordered, collations: oids }) => ({
    columns,
    unique,
    ordered,
    collations: oids.map((oid) => collations.get(oid)?.sql ?? null),
  }));
  return {
    schema,
    name,
    columns: columns.rows.map((row) => ({
      name: row.name,
      type: row.type,
      baseType: row.base,
      category: row.category,
      notNull: row.not_null === 't',
      generated: row.gen === 't',
      identity: row.ident === 't',
      collation: collations.get(row.collation) ?? null,
      labels: row.labels === null ? null : (JSON.parse(row.labels) as string[]),
      ...(row.own_text === 't' ? { ownText: true } : {}),
      ...(row.needed === 't' ? { needed: true } : {}),
    })),
    primaryKey: indexes.find((index) => index.primary)?.columns ?? [],
    indexes: table.inherited === 't' ? [] : ofTable,
    privileges: new Set(table.privileges.split(',').filter((privilege) => privilege !== '')),
    ...(table.filled === 't' ? { filled: true } : {}),
  };
}

async function readIndexes(db: Queryable, oid: string) {
  const { rows } = await db.query<Record<'columns' | 'collations' | 'is_unique' | 'is_primary' | 'is_ordered', string>>(
    `select i.indisunique as is_unique, i.indisprimary as is_primary,
            -- Each way round, NULLs stand after the largest value; an operator class of its own may sort otherwise.
            (not exists (select 1 from unnest(i.indoption::int[]) as o where o <> 0)
              or not exists (select 1 from unnest(i.indoption::int[]) as o where o <> 3))
            and not exists (select 1 from unnest(i.indclass::oid[]) as k(class) join pg_opclass p on p.oid = k.class
                             where not p.opcdefault) as is_ordered,
            to_json(array(select a.attname::text from unnest(i.indkey::int[]) with ordinality as k(attnum, n)
                     join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
                    where k.n <= i.indnkeyatts order by k.n)) as columns,
            to_json(array(select k.coll::text from unnest(i.indcollation::oid[]) with ordinality as k(coll, n)
                    where k.n <= i.indnkeyatts order by k.n)) as collations
       from pg_index i join pg_class ic on ic.oid = i.indexrelid join pg_am m on m.oid = ic.relam
      where i.indrelid = $1::oid and i.indisvalid and i.indpred is null and i.indexprs is null and m.amname = 'btree'
      order by i.indisprimary desc, i.indexrelid`,
    [oid],
  );
  return rows.map((row) => ({
    columns: JSON.parse(row.columns) as string[],
    collations: JSON.parse(row.collations) as string[],
    unique: row.is_unique === 't',
    primary: row.is_primary === 't',
    ordered: row.is_ordered === 't',
  }));
}

export interface ListedTable {
  readonly schema: string;
  readonly name: string;
  readonly hasPrimaryKey: boolean;
  readonly readable: boolean;
}

/** The base tables, without PostgreSQL's own and without partitions. `readable`: whether the user may read all columns. */
export async function listTables(db: Queryable): Promise<readonly ListedTable[]> {
  const { rows } = await db.query<{ schema: string; name: string; has_key: string; readable: string }>(
    `select n.nspname as schema, c.relname as name,
            has_schema_privilege(n.oid, 'USAGE') and has_table_privilege(c.oid, 'SELECT') as readable,
            exists (select 1 from pg_index i where i.indrelid = c.oid and i.indisprimary) as has_key
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and not c.relispartition
        and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'trueup_script')
        and not exists (select 1 from pg_class m where m.relnamespace = n.oid and m.relname = 'migration'
                          and exists (select 1 from pg_class b where b.relnamespace = n.oid and b.relname = 'before_image'))
      order by n.nspname, c.relname`,
  );
  return rows.map((row) => ({
    schema: row.schema,
    name: row.name,
    hasPrimaryKey: row.has_key === 't',
    readable: row.readable === 't',
  }));
}
