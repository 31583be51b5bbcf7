import type { Queryable } from '../../database/connection';
import type { ValueType } from '../common-type';

/** SQL for the type behind a domain, and behind a domain over one, of a type's OID. */
const baseOf = (oid: string) => `(with recursive b(oid) as (
    select ${oid} union all select y.typbasetype from b join pg_type y on y.oid = b.oid where y.typtype = 'd')
  select b.oid from b join pg_type y on y.oid = b.oid where y.typtype <> 'd')`;

const TYPE = `format_type(y.oid, -1) as base, y.typcategory as category`;

interface TypeRow {
  base: string;
  category: string;
}

const typeOf = (row: TypeRow | undefined): ValueType => ({ baseType: row?.base ?? '', category: row?.category ?? '' });

/**
 * The type of an expression over a relation's columns. It fails as the statement does that it is used in: it has to give
 * one value for each row.
 */
export async function readExpressionType(db: Queryable, relation: string, expression: string): Promise<ValueType> {
  // In a condition, as no aggregate, no window function and no set of rows may stand there.
  const { rows } = await db.query<TypeRow>(
    `select ${TYPE} from (select pg_typeof((select (${expression}\n) from ${relation}
        where (${expression}\n) is null and false))::oid as oid where $1::boolean) as o
       join pg_type y on y.oid = ${baseOf('o.oid')}`,
    [true],
  );
  return typeOf(rows[0]);
}

/** The types of the given OIDs, in their order. */
export async function readTypes(db: Queryable, oids: readonly number[]): Promise<readonly ValueType[]> {
  const { rows } = await db.query<TypeRow>(
    `select ${TYPE} from unnest($1::oid[]) with ordinality as o(oid, n)
       join pg_type y on y.oid = ${baseOf('o.oid')} order by o.n`,
    [oids],
  );
  return rows.map(typeOf);
}
