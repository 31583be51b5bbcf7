import type { Queryable } from './connection';

/** What is to be told of a value: its type as SQL text, without a modifier, and its category; see ColumnShape. */
export interface Typed {
  readonly baseType: string;
  readonly category: string;
  readonly labels: readonly string[] | null;
}

/** How a value of a database is compared with one of another type, or of a type of another database. */
export interface Equality {
  /** SQL that is true where the two are equal; each is SQL for a value of its type. */
  readonly sql: (left: string, right: string) => string;
  /** What a text of the right value is cast to, to stand on the right. */
  readonly castTo: string;
}

const NUMBERS = /^(smallint|integer|bigint|numeric|real|double precision)$/;
const TIMES = /^(date|timestamp with(out)? time zone)$/;

/**
 * How values of `left`, a type of this database, are compared with those of `right`: by the operator of the types, by that
 * of a type that both are converted to, or else by their texts.
 */
export async function readEquality(db: Queryable, left: Typed, right: Typed): Promise<Equality> {
  const byText: Equality = { sql: (a, b) => `(${a})::text = (${b})::text`, castTo: 'text' };
  // A label that one of the two lacks cannot be cast; an enum of another database is another type.
  if (left.labels !== null || right.labels !== null) return byText;
  const { rows } = await db.query<{ known: string; operator: string | null }>(
    `select to_regtype($2::text) is not null as known,
            (select format('operator(%I.=)', n.nspname) from pg_operator o join pg_namespace n on n.oid = o.oprnamespace
              where o.oprname = '=' and o.oprleft = to_regtype($1::text) and o.oprright = to_regtype($2::text) limit 1)
              as operator`,
    [left.baseType, right.baseType],
  );
  const { known, operator } = rows[0] ?? { known: 'f', operator: null };
  if (known !== 't') return byText;
  if (operator !== null) return { sql: (a, b) => `${a} ${operator} ${b}`, castTo: right.baseType };
  const both = (test: RegExp) => test.test(left.baseType) && test.test(right.baseType);
  const isString = ({ category, baseType }: Typed) => category === 'S' && !/citext$/.test(baseType);
  if (both(NUMBERS) || both(TIMES) || (isString(left) && isString(right)) || left.baseType === right.baseType) {
    return { sql: (a, b) => `${a} = ${b}`, castTo: right.baseType };
  }
  return byText;
}
