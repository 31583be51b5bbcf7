import type { Queryable } from './connection';
import { readColumnDetails, type ColumnDefinition } from './column-definition';
import { readConstraints, type ConstraintDefinition } from './constraint-definition';
import { quoteQualified } from './identifier';
import { readIndexDefinitions, type IndexDefinition } from './index-definition';
import { readTableShape, type TableShape } from './table-shape';

/** A table with all that its definition says; names are those of its own database. */
export interface TableDefinition extends TableShape {
  readonly kind: 'table' | 'partitioned table' | 'view' | 'materialized view' | 'foreign table';
  /** `RANGE (created_at)`; null: not partitioned. */
  readonly partitioning: string | null;
  readonly columns: readonly ColumnDefinition[];
  readonly constraints: readonly ConstraintDefinition[];
  readonly definedIndexes: readonly IndexDefinition[];
  /** false also where it is not known: of a view, or without the privilege to read it. */
  readonly isEmpty: boolean;
  /** `server_version_num`. */
  readonly serverVersion: number;
}

const KINDS = { r: 'table', p: 'partitioned table', v: 'view', m: 'materialized view', f: 'foreign table' } as const;

/** Reads what the catalog says of a table; null when there is none of that name. To be called in one snapshot. */
export async function readTableDefinition(
  db: Queryable,
  schema: string,
  name: string,
): Promise<TableDefinition | null> {
  const shape = await readTableShape(db, schema, name);
  if (!shape) return null;
  const { rows } = await db.query<Record<'oid' | 'kind' | 'version', string> & { partitioning: string | null }>(
    `select c.oid, c.relkind as kind, current_setting('server_version_num') as version,
            case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end as partitioning
       from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2`,
    [schema, name],
  );
  const [table] = rows;
  if (!table) return null;
  const details = await readColumnDetails(db, table.oid);
  return {
    ...shape,
    kind: KINDS[table.kind as keyof typeof KINDS],
    partitioning: table.partitioning,
    columns: shape.columns.flatMap((column) => {
      const found = details.get(column.name);
      return found ? [{ ...column, ...found }] : [];
    }),
    constraints: await readConstraints(db, table.oid),
    definedIndexes: await readIndexDefinitions(db, table.oid),
    isEmpty: ['r', 'p'].includes(table.kind) && (await readIsEmpty(db, shape)),
    serverVersion: Number(table.version),
  };
}

async function readIsEmpty(db: Queryable, { schema, name, privileges }: TableShape): Promise<boolean> {
  if (!privileges.has('SELECT')) return false;
  const { rows } = await db.query(`select 1 from ${quoteQualified(schema, name)} limit 1`);
  return rows.length === 0;
}
