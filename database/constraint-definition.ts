import type { Queryable } from './connection';

export interface ForeignKeyDefinition {
  readonly parent: { readonly schema: string; readonly table: string };
  readonly parentColumns: readonly string[];
  /** pg_constraint.confmatchtype, confupdtype, confdeltype. */
  readonly match: string;
  readonly onUpdate: string;
  readonly onDelete: string;
  /** Columns that `set null` and `set default` set, where that is not all of them. */
  readonly setColumns: readonly string[];
}

/** A check, a foreign key or an exclusion constraint. Primary keys and unique constraints are {@link IndexDefinition}s. */
export interface ConstraintDefinition {
  readonly name: string;
  readonly kind: 'check' | 'foreign key' | 'exclusion';
  readonly columns: readonly string[];
  /** As the server writes it out: `CHECK ((a > 0))`. */
  readonly definition: string;
  /** Of a check: the condition alone. */
  readonly expression: string | null;
  readonly foreignKey: ForeignKeyDefinition | null;
  readonly deferrable: boolean;
  readonly deferred: boolean;
  readonly validated: boolean;
  readonly enforced: boolean;
}

const columnsOf = (relation: string, keys: string) =>
  `to_json(array(select a.attname::text from unnest(${keys}) with ordinality as k(attnum, n)
     join pg_attribute a on a.attrelid = ${relation} and a.attnum = k.attnum order by k.n))`;

/** The constraints of a table that are no index alone, by name. */
export async function readConstraints(db: Queryable, oid: string): Promise<readonly ConstraintDefinition[]> {
  const { rows } = await db.query<
    Record<'name' | 'kind' | 'columns' | 'definition' | 'deferrable' | 'deferred' | 'validated' | 'enforced', string> &
      Record<'expression' | 'foreign_key', string | null>
  >(
    `select c.conname as name, case c.contype when 'c' then 'check' when 'f' then 'foreign key' else 'exclusion' end as kind,
            ${columnsOf('c.conrelid', 'c.conkey')} as columns, pg_get_constraintdef(c.oid) as definition,
            pg_get_expr(c.conbin, c.conrelid) as expression, c.condeferrable as deferrable, c.condeferred as deferred,
            c.convalidated as validated,
            -- PostgreSQL 18 has constraints that are not enforced, and 15 lists of columns to set.
            coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true) as enforced,
            case when c.contype = 'f' then
              (select json_build_object(
                        'parent', json_build_object('schema', n.nspname, 'table', p.relname),
                        'parentColumns', ${columnsOf('c.confrelid', 'c.confkey')},
                        'match', c.confmatchtype, 'onUpdate', c.confupdtype, 'onDelete', c.confdeltype,
                        'setColumns', array(
                          select a.attname::text
                            from jsonb_array_elements_text(case jsonb_typeof(to_jsonb(c) -> 'confdelsetcols')
                                   when 'array' then to_jsonb(c) -> 'confdelsetcols' else '[]' end) as e(attnum)
                                 join pg_attribute a on a.attrelid = c.conrelid and a.attnum = e.attnum::int2
                           order by a.attnum))
                 from pg_class p join pg_namespace n on n.oid = p.relnamespace where p.oid = c.confrelid) end as foreign_key
       from pg_constraint c
      where c.conrelid = $1::oid and c.contype in ('c', 'f', 'x')
        -- A reference to a partitioned table has a constraint of its own for each partition.
        and not exists (select 1 from pg_constraint p where p.oid = c.conparentid and p.conrelid = c.conrelid)
      order by c.conname`,
    [oid],
  );
  return rows.map((row) => ({
    name: row.name,
    kind: row.kind as ConstraintDefinition['kind'],
    columns: JSON.parse(row.columns) as string[],
    definition: row.definition,
    expression: row.expression,
    foreignKey: row.foreign_key === null ? null : (JSON.parse(row.foreign_key) as ForeignKeyDefinition),
    deferrable: row.deferrable === 't',
    deferred: row.deferred === 't',
    validated: row.validated === 't',
    enforced: row.enforced === 't',
  }));
}
