import type { ComparedColumn, Comparison } from '../../contracts/comparison';
import { TrueupError } from '../../contracts/errors';
import { isNumber } from '../common-type';
import type { Sides } from '../compare-chunk';
import { pairedColumn, resolveExpression } from './expression';
import { bothSides } from './grouping';

/** A column that is summed up, exactly. */
export interface Sum {
  /** Its name in the source. */
  readonly name: string;
  readonly targetName: string;
  /** SQL for the value to be summed, a numeric, on each side. */
  readonly source: string;
  readonly target: string;
}

const FLOATS = ['real', 'double precision'];

/**
 * The columns that are summed up: those that the config names, or all that are compared and hold exact numbers. A float
 * that the config names is summed as the decimal number that it is printed as.
 *
 * @throws COLUMN_NOT_FOUND, COLUMNS_INCOMPARABLE, CONFIG_INVALID
 */
export async function sumsOf(
  comparison: Comparison,
  sides: Sides,
  names: readonly string[] | null,
): Promise<{ readonly sums: readonly Sum[]; readonly leftOut: readonly string[] }> {
  const numbers = comparison.columns.filter(({ type }) => isNumber(type));
  if (names === null) {
    const exact = numbers.filter(({ type }) => !FLOATS.includes(type));
    const leftOut = numbers.filter(({ type }) => FLOATS.includes(type));
    return { sums: exact.map(sumOf), leftOut: leftOut.map(({ source }) => source) };
  }
  const sums: Sum[] = [];
  for (const name of names) sums.push(await namedSum(comparison, sides, name, numbers));
  return { sums, leftOut: [] };
}

function sumOf(column: ComparedColumn): Sum {
  return {
    name: column.source,
    targetName: column.target,
    ...bothSides(column, (value) => numericOf(value, column.type)),
  };
}

const numericOf = (value: string, type: string) =>
  FLOATS.includes(type) ? `${value}::text::numeric` : `${value}::numeric`;

async function namedSum(
  comparison: Comparison,
  sides: Sides,
  name: string,
  numbers: readonly ComparedColumn[],
): Promise<Sum> {
  const what = `table ${comparison.pair.name}: checks.sums: ${JSON.stringify(name)}`;
  const allowed = `numeric columns that are compared are ${numbers.map(({ source }) => source).join(', ') || 'none'}`;
  const column = pairedColumn(comparison, name);
  if (!column) throw new TrueupError('COLUMN_NOT_FOUND', `${what} is no column of both sides; ${allowed}`);
  const { source, target, type, types } = await resolveExpression(comparison, sides, 'checks.sums', name);
  if (!isNumber(types.source.baseType) || !isNumber(types.target.baseType)) {
    const found = `${types.source.baseType} in the source, ${types.target.baseType} in the target`;
    throw new TrueupError('CONFIG_INVALID', `${what} is no number: ${found}; ${allowed}`);
  }
  return {
    name,
    targetName: column.target,
    source: numericOf(source, type.type),
    target: numericOf(target, type.type),
  };
}
