/**
 * PostgreSQL's own hash functions promise equal hashes for equal values and nothing more. Many give values that differ
 * one and the same hash: numeric leaves out the sign, bigint and timestamps fold their halves together (-1 and
 * 4294967295 collide), arrays leave out their dimensions, jsonb its nesting, and an enum is hashed by an OID that each
 * database chooses for itself. So a type is hashed natively only where that tells all its values apart.
 */

/** Hashed as they are: every bit of the value counts, and -0 equals 0. */
const NATIVE = new Set([
  'smallint',
  'integer',
  'oid',
  'boolean',
  'date',
  'real',
  'double precision',
  'uuid',
  'bytea',
  'inet',
  'cidr',
  'macaddr',
  'macaddr8',
]);

/** Other types that have a form to be hashed by: SQL that is equal exactly where the values are. */
const FORMS: Readonly<Record<string, (value: string) => string>> = {
  // Byte by byte, whatever the column's collation.
  text: (value) => `${value} collate "C"`,
  bigint: (value) => `int8send(${value})`,
  numeric: (value) => `numeric_send(trim_scale(${value}))`,
  money: (value) => `cash_send(${value})`,
  'timestamp without time zone': (value) => `timestamp_send(${value})`,
  'timestamp with time zone': (value) => `timestamptz_send(${value})`,
  'time without time zone': (value) => `time_send(${value})`,
  'time with time zone': (value) => `timetz_send(${value})`,
  jsonb: (value) => `(${value})::text collate "C"`,
};

/** Whether values of a type can be compared as such; others are compared by their text. */
export function isDistinct(type: string): boolean {
  return NATIVE.has(type) || Object.hasOwn(FORMS, type);
}

/** SQL for the text of a key's value: one text for all values that are equal (1.0 and 1.00, 0 and -0). */
export function keyForm(type: string, value: string): string {
  if (type === 'numeric') return `trim_scale(${value})::text`;
  return type === 'real' || type === 'double precision' ? `(${value} + 0)::text` : `(${value})::text`;
}

/** SQL for the form of a value by whose hash it is told from every other value of its type. */
export function distinctForm(type: string, value: string): string {
  return FORMS[type]?.(value) ?? value;
}

/** SQL for the text of a value: one text for all values that are equal, on every server. */
export function portableForm(type: string, value: string): string {
  switch (type) {
    case 'numeric':
      return `trim_scale(${value})::text`;
    // -0 is 0.
    case 'real':
    case 'double precision':
      return `(${value} + 0)::text`;
    case 'bytea':
      return `encode(${value}, 'hex')`;
    default:
      return `(${value})::text`;
  }
}
