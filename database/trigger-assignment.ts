import type { Queryable } from './connection';

/** A trigger for each row that gives columns a value before the row is written. */
export interface TriggerAssignment {
  readonly schema: string;
  readonly table: string;
  readonly trigger: string;
  readonly operation: 'insert' | 'update';
  /** The table's columns that it assigns, as far as its function's source tells; none of the primary key. */
  readonly columns: readonly string[];
}

/** Which part of the catalog is looked at; absent: all tables. */
export interface TableName {
  readonly schema: string;
  readonly name: string;
}

/**
 * Which columns the enabled BEFORE triggers of tables assign, as far as the source of their functions says so plainly:
 * `new.column := …`, `… into new.column`, or the column as the argument of a trigger function of PostgreSQL's own.
 * Triggers of partitions count for their table.
 */
export async function readTriggerAssignments(
  db: Queryable,
  only: TableName | null = null,
): Promise<readonly TriggerAssignment[]> {
  const { rows } = await db.query<
    Record<'schema' | 'table' | 'trigger' | 'operation' | 'source' | 'language' | 'arguments' | 'columns', string>
  >(
    `select distinct n.nspname as schema, c.relname as table, t.tgname::text as trigger, o.operation,
            p.prosrc as source, l.lanname::text as language, encode(t.tgargs, 'escape') as arguments,
            to_json(array(select a.attname::text from pg_attribute a
                           where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                             and not exists (select 1 from pg_index i where i.indrelid = c.oid and i.indisprimary
                                                and a.attnum = any (i.indkey)) order by a.attnum))::text as columns
       from pg_trigger t join pg_class c on c.oid = coalesce(pg_partition_root(t.tgrelid), t.tgrelid)
            join pg_namespace n on n.oid = c.relnamespace
            join pg_proc p on p.oid = t.tgfoid join pg_language l on l.oid = p.prolang
            -- The bits of tgtype: 1 for each row, 2 before, 4 insert, 16 update.
            join (values ('insert', 4), ('update', 16)) as o(operation, bit) on t.tgtype & o.bit <> 0
      where not t.tgisinternal and t.tgparentid = 0 and t.tgtype & 3 = 3 and t.tgenabled in ('O', 'A')
        and ($1::text is null or (n.nspname = $1 and c.relname = $2))
        and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      order by 1, 2, 3, 4`,
    [only?.schema ?? null, only?.name ?? null],
  );
  return rows.flatMap((row) => {
    const all = JSON.parse(row.columns) as string[];
    const named = /^(c|internal)$/.test(row.language) ? row.arguments.split('\\000', 1) : assignedColumns(row.source);
    const columns = all.filter((name) => named.includes(name));
    if (columns.length === 0) return [];
    const operation = row.operation as TriggerAssignment['operation'];
    return [{ schema: row.schema, table: row.table, trigger: row.trigger, operation, columns }];
  });
}

const NAME = String.raw`new\s*\.\s*("(?:[^"]|"")+"|[\p{L}_][\p{L}\p{N}_$]*)`;
/** `=` assigns where a statement begins; elsewhere it compares. */
const ASSIGNED = [
  new RegExp(String.raw`\b${NAME}(?:\s*\[[^\]]*\])?\s*:=`, 'giu'),
  new RegExp(String.raw`(?:;|\b(?:begin|then|else|loop))\s*${NAME}\s*=`, 'giu'),
  new RegExp(String.raw`\binto\s+(?:strict\s+)?${NAME}`, 'giu'),
];

/** The columns that the source of a PL/pgSQL trigger function assigns, as PostgreSQL would fold their names. */
export function assignedColumns(source: string): readonly string[] {
  const code = source.replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\//g, ' ');
  const names = ASSIGNED.flatMap((pattern) => [...code.matchAll(pattern)].map(([, name = '']) => name));
  return [
    ...new Set(
      names.map((name) => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase())),
    ),
  ];
}
