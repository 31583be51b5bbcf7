import type { Queryable } from './connection';

export interface KeyEnd {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly string[];
}

/** A foreign key: the rows of `child` point to rows of `parent`. */
export interface ForeignKey {
  readonly name: string;
  readonly child: KeyEnd;
  readonly parent: KeyEnd;
  /** pg_constraint.confdeltype: `a` no action, `r` restrict, `c` cascade, `n` set null, `d` set default. */
  readonly onDelete: string;
  /** As `onDelete`, for a change of the parent's columns. */
  readonly onUpdate: string;
  /** The child's columns that `set null` and `set default` set. */
  readonly setColumns: readonly string[];
  /** For each column the operator, as SQL, by which the parent's value (left) equals the child's. */
  readonly equals: readonly string[];
  readonly deferrable: boolean;
  /** pg_constraint.confmatchtype: `s` simple, where one NULL makes it no reference; `f` full, where all or none are NULL. */
  readonly match: string;
}

type ForeignKeyRow = Record<
  | 'name'
  | 'cs'
  | 'ct'
  | 'ccols'
  | 'ps'
  | 'pt'
  | 'pcols'
  | 'scols'
  | 'ops'
  | 'on_delete'
  | 'on_update'
  | 'deferrable'
  | 'match',
  string
>;

/** Every foreign key of the database. */
export async function readForeignKeys(db: Queryable): Promise<readonly ForeignKey[]> {
  const columns = (relation: string, keys: string) =>
    `to_json(array(select a.attname::text from unnest(${keys}) with ordinality as k(attnum, n)
       join pg_attribute a on a.attrelid = ${relation} and a.attnum = k.attnum order by k.n))`;
  // PostgreSQL 14 has no such column; without a list of its own, an action sets all columns.
  const setColumns = `array(select s::int2 from jsonb_array_elements_text(
      case jsonb_typeof(to_jsonb(f) -> 'confdelsetcols') when 'array' then to_jsonb(f) -> 'confdelsetcols'
           else to_jsonb(f.conkey) end) as e(s))`;
  const { rows } = await db.query<ForeignKeyRow>(
    `select f.conname as name, cn.nspname as cs, cc.relname as ct, ${columns('f.conrelid', 'f.conkey')} as ccols,
            pn.nspname as ps, pc.relname as pt, ${columns('f.confrelid', 'f.confkey')} as pcols,
            ${columns('f.conrelid', setColumns)} as scols, f.confdeltype as on_delete, f.confupdtype as on_update,
            f.condeferrable as deferrable, f.confmatchtype as match,
            to_json(array(select format('operator(%I.%s)', n.nspname, o.oprname)
                            from unnest(f.conpfeqop) with ordinality as u(op, i)
                                 join pg_operator o on o.oid = u.op join pg_namespace n on n.oid = o.oprnamespace
                           order by u.i)) as ops
       from pg_constraint f
            join pg_class cc on cc.oid = f.conrelid join pg_namespace cn on cn.oid = cc.relnamespace
            join pg_class pc on pc.oid = f.confrelid join pg_namespace pn on pn.oid = pc.relnamespace
      where f.contype = 'f' and f.conparentid = 0
      order by cn.nspname, cc.relname, f.conname`,
  );
  const list = (json: string) => JSON.parse(json) as string[];
  return rows.map((row) => ({
    name: row.name,
    child: { schema: row.cs, table: row.ct, columns: list(row.ccols) },
    parent: { schema: row.ps, table: row.pt, columns: list(row.pcols) },
    onDelete: row.on_delete,
    onUpdate: row.on_update,
    setColumns: list(row.scols),
    equals: list(row.ops),
    deferrable: row.deferrable === 't',
    match: row.match,
  }));
}

/** A table that a table is a part of, or that is a part of it. */
export interface Relative {
  readonly schema: string;
  readonly table: string;
  readonly kind: 'partitioned by it' | 'within it';
}

/** The partitioned tables that a table is a partition of, and the partitions and inheritors that hold rows of it. */
export async function readRelatives(db: Queryable, schema: string, table: string): Promise<readonly Relative[]> {
  const { rows } = await db.query<Record<'schema' | 'table' | 'above', string>>(
    `with recursive self(oid) as (
       select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = $1 and c.relname = $2),
     up(oid) as (
       select h.inhparent from pg_inherits h join self s on h.inhrelid = s.oid
              join pg_class c on c.oid = h.inhrelid where c.relispartition
       union select h.inhparent from pg_inherits h join up on h.inhrelid = up.oid
              join pg_class c on c.oid = h.inhrelid where c.relispartition),
     down(oid) as (
       select h.inhrelid from pg_inherits h join self s on h.inhparent = s.oid
       union select h.inhrelid from pg_inherits h join down on h.inhparent = down.oid)
     select n.nspname as schema, c.relname as table, r.above
       from (select oid, true as above from up union all select oid, false from down) as r
            join pg_class c on c.oid = r.oid join pg_namespace n on n.oid = c.relnamespace`,
    [schema, table],
  );
  return rows.map((row) => ({
    schema: row.schema,
    table: row.table,
    kind: row.above === 't' ? 'partitioned by it' : 'within it',
  }));
}
