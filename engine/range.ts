import type { KeyBound, KeyRange } from '../contracts/chunk';
import type { Side } from './side';

/** Collects the parameters of a statement while its text is being written. */
export class Parameters {
  readonly values: unknown[] = [];

  /** The placeholder of a value, cast to a type. */
  add(value: unknown, type: string): string {
    this.values.push(value);
    return `$${this.values.length}::${type}`;
  }
}

/**
 * A quoted name for what a statement puts beside a table's own columns. `order by` and joins look at such names first,
 * so it must be one that no column has.
 */
export function alias(kind: 'k' | 'c' | 'h' | 'w', n: number): string {
  return `"trueup:${kind}${n}"`;
}

function tuple(expressions: readonly string[]): string {
  return expressions.length === 1 ? (expressions[0] ?? '') : `(${expressions.join(', ')})`;
}

/** The key columns as one SQL expression to compare with a bound. */
export function keyTuple(side: Side): string {
  return tuple(side.key.map((column) => column.ordered));
}

/** A bound as SQL, with its values as parameters. */
export function boundTuple(side: Side, bound: KeyBound, parameters: Parameters): string {
  return tuple(side.key.map((column, i) => parameters.add(bound[i], column.boundType)));
}

/** The condition that a row of the side lies in the range and passes the pair's filter. */
export function rangeCondition(side: Side, range: KeyRange, parameters: Parameters): string {
  const conditions: string[] = [];
  if (range.from !== null) conditions.push(`${keyTuple(side)} >= ${boundTuple(side, range.from, parameters)}`);
  if (range.to !== null) conditions.push(`${keyTuple(side)} < ${boundTuple(side, range.to, parameters)}`);
  conditions.push(side.filter);
  return conditions.join(' and ');
}

/** Keys as arrays for `unnest`, one for each key column. */
export function keyArrays(
  side: Side,
  keys: readonly (readonly (string | null)[])[],
  parameters: Parameters,
): readonly string[] {
  return side.key.map((column, i) =>
    parameters.add(
      keys.map((key) => key[i]),
      `${column.boundType}[]`,
    ),
  );
}

/** The key's values as text, to be read with {@link boundOf}. */
export function keyColumns(side: Side): string {
  return side.key.map((column, i) => `${column.text} as ${alias('k', i)}`).join(', ');
}

/** What follows `order by` for the key's order. */
export function orderBy(side: Side, direction: 'asc' | 'desc' = 'asc'): string {
  return side.key.map((column) => `${column.ordered} ${direction}`).join(', ');
}

/** The key of a row that was read with {@link keyColumns}, as a bound. */
export function boundOf(side: Side, row: Record<string, string>): KeyBound {
  return side.key.map((_, i) => row[`trueup:k${i}`] ?? '');
}
