import type { Queryable } from './connection';
import type { ColumnShape } from './table-shape';

/** A domain as far as it says what its values are. */
export interface DomainDefinition {
  /** Schema-qualified and quoted where SQL needs it, as the column's type has it. */
  readonly name: string;
  /** The type that it is made of, with its modifier. */
  readonly type: string;
  readonly notNull: boolean;
  /** `CHECK (…)` of each of its constraints. */
  readonly checks: readonly string[];
}

/** A column with all that its definition says. */
export interface ColumnDefinition extends ColumnShape {
  /** As the definition has it, proven by the rows or not. */
  readonly declaredNotNull: boolean;
  /** The expression of the default, or of a generated column; null: none. */
  readonly expression: string | null;
  readonly generation: 'stored' | 'virtual' | null;
  readonly identityKind: 'always' | 'by default' | null;
  /** The sequence that the column owns, schema-qualified and quoted; null: none. */
  readonly sequence: string | null;
  /** The collation that stands in the definition, schema-qualified and quoted; null: that of the type. */
  readonly declaredCollation: string | null;
  readonly domain: DomainDefinition | null;
  /** The enum behind the column's type, schema-qualified and quoted where SQL needs it; null: none. */
  readonly enumType: string | null;
  /** Its labels in their order, also where the column holds lists of it. */
  readonly enumLabels: readonly string[] | null;
}

export type ColumnDetails = Omit<ColumnDefinition, keyof ColumnShape>;

/** What the definitions of a table's columns say beyond their shape, by name. */
export async function readColumnDetails(db: Queryable, oid: string): Promise<ReadonlyMap<string, ColumnDetails>> {
  const { rows } = await db.query<
    Record<'name' | 'not_null' | 'generation' | 'identity', string> &
      Record<'expression' | 'sequence' | 'collation' | 'domain' | 'enum' | 'labels', string | null>
  >(
    `select a.attname as name, a.attnotnull as not_null, a.attgenerated as generation, a.attidentity as identity,
            pg_get_expr(d.adbin, d.adrelid) as expression,
            (select format('%I.%I', n.nspname, s.relname) from pg_depend p join pg_class s on s.oid = p.objid
                    join pg_namespace n on n.oid = s.relnamespace
              where p.classid = 'pg_class'::regclass and p.refclassid = 'pg_class'::regclass and p.deptype in ('a', 'i')
                and p.refobjid = a.attrelid and p.refobjsubid = a.attnum and s.relkind = 'S'
              order by s.oid limit 1) as sequence,
            case when a.attcollation not in (0, t.typcollation) then
              (select format('%I.%I', n.nspname, l.collname) from pg_collation l join pg_namespace n on n.oid = l.collnamespace
                where l.oid = a.attcollation) end as collation,
            case when t.typtype = 'd' then json_build_object(
              'name', format_type(t.oid, -1), 'type', format_type(t.typbasetype, t.typtypmod), 'notNull', t.typnotnull,
              'checks', array(select pg_get_constraintdef(k.oid) from pg_constraint k
                               where k.contypid = t.oid and k.contype = 'c' order by k.conname)) end as domain,
            case when e.typtype = 'e' then format_type(e.oid, -1) end as enum,
            case when e.typtype = 'e' then (select json_agg(l.enumlabel::text order by l.enumsortorder) from pg_enum l
                                             where l.enumtypid = e.oid) end as labels
       from pg_attribute a join pg_type t on t.oid = a.atttypid
            left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
            left join pg_type e on e.oid = case when t.typtype = 'd' then t.typbasetype
                                                when t.typcategory = 'A' then t.typelem else t.oid end
      where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped`,
    [oid],
  );
  const generations: Readonly<Record<string, 'stored' | 'virtual'>> = { s: 'stored', v: 'virtual' };
  const identities: Readonly<Record<string, 'always' | 'by default'>> = { a: 'always', d: 'by default' };
  return new Map(
    rows.map((row) => [
      row.name,
      {
        declaredNotNull: row.not_null === 't',
        expression: row.expression,
        generation: generations[row.generation] ?? null,
        identityKind: identities[row.identity] ?? null,
        sequence: row.sequence,
        declaredCollation: row.collation,
        domain: row.domain === null ? null : (JSON.parse(row.domain) as DomainDefinition),
        enumType: row.enum,
        enumLabels: row.labels === null ? null : (JSON.parse(row.labels) as string[]),
      },
    ]),
  );
}
