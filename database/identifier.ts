/** Quotes one identifier for SQL text. The only place in Trueup that does. */
export function quoteIdentifier(name: string): string {
  if (name.length === 0 || name.includes('\0')) throw new RangeError('not an SQL identifier: empty or holds a NUL');
  return `"${name.replaceAll('"', '""')}"`;
}

/** Quotes a schema-qualified name: `"public"."orders"`. */
export function quoteQualified(schema: string, name: string): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** Quotes a string literal, for the few places where SQL takes no parameter; needs standard_conforming_strings. */
export function quoteLiteral(value: string): string {
  if (value.includes('\0')) throw new RangeError('not an SQL string: holds a NUL');
  return `'${value.replaceAll("'", "''")}'`;
}
