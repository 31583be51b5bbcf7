import type { Comparison } from '../../contracts/comparison';
import { TrueupError } from '../../contracts/errors';
import { DatabaseFailure } from '../../database/failure';
import { quoteIdentifier } from '../../database/identifier';
import { commonType, type CommonType, type ValueType } from '../common-type';
import type { Sides } from '../compare-chunk';
import { settledBoth } from '../locate';
import { moneyUnknown } from '../money';
import type { Role } from '../side';
import { textForms } from '../text-form';
import { castSql, ZONE_UNKNOWN, zoneOfColumn } from '../zone';
import { oneStatement } from './sql-text';
import { readExpressionType } from './value-type';

/** What the config names of a row: a column by its name in the source, or an SQL expression that both sides understand. */
export interface Expression {
  /** As the config has it. */
  readonly name: string;
  /** SQL for it on each side, in the type that both are compared in. */
  readonly source: string;
  readonly target: string;
  readonly type: CommonType;
  readonly types: { readonly source: ValueType; readonly target: ValueType };
}

/** Both names of a column, by that of the source; null: no such column is on both sides. */
export function pairedColumn(
  { key, columns, writable }: Comparison,
  name: string,
): { readonly source: string; readonly target: string } | null {
  return [...writable, ...columns, ...key].find(({ source }) => source === name) ?? null;
}

/**
 * Looks up what a field of the config names, in both databases.
 *
 * @throws COLUMN_NOT_FOUND, COLUMNS_INCOMPARABLE, CONFIG_INVALID: it is not to be had of the rows of both sides;
 * TABLE_NOT_FOUND: a side has lost its table.
 */
export async function resolveExpression(
  comparison: Comparison,
  sides: Sides,
  field: string,
  name: string,
): Promise<Expression> {
  const { pair } = comparison;
  const what = `table ${pair.name}: ${field}: ${JSON.stringify(name)}`;
  const column = pairedColumn(comparison, name);
  const text = oneStatement(name);
  if (!column && !text.ok) throw new TrueupError('CONFIG_INVALID', `${what}: no SQL expression: ${text.why}`);
  const sql = (role: Role) => (column ? quoteIdentifier(column[role]) : `(${name}\n)`);
  const read = async (role: Role) => {
    try {
      return await readExpressionType(sides[role].database, sides[role].relation, sql(role));
    } catch (error) {
      // The table itself may be gone, and then it is not the config that is wrong.
      await readExpressionType(sides[role].database, sides[role].relation, '1');
      throw refused(error, comparison, what, role);
    }
  };
  const [source, target] = await settledBoth(read('source'), read('target'));
  const type = commonType(source, target);
  if (type === null) {
    const types = `${source.baseType} in the source, ${target.baseType} in the target`;
    throw new TrueupError('COLUMNS_INCOMPARABLE', `${what}: no type takes the values of both: ${types}`);
  }
  const forms = textForms(source, target, type);
  const amounts = moneyUnknown({ source, target }, comparison.zones?.moneyDigits);
  if (amounts !== null) throw new TrueupError('COLUMNS_INCOMPARABLE', `${what}: ${amounts}`);
  const zone = zoneOfColumn({ source, target }, type.type, comparison.zones);
  if (zone === 'unknown') throw new TrueupError('COLUMNS_INCOMPARABLE', `${what}: ${ZONE_UNKNOWN}`);
  const cast = { castTo: type.castTo, ...(forms ? { forms } : {}), ...(zone ? { zone } : {}) };
  const value = (role: Role) => castSql(sql(role), cast, role);
  return { name, source: value('source'), target: value('target'), type, types: { source, target } };
}

function refused(error: unknown, comparison: Comparison, what: string, role: Role): unknown {
  if (!(error instanceof DatabaseFailure) || !/^(42|0A|21)/.test(error.sqlState)) return error;
  if (error.sqlState === '42501') return error;
  const names = [...new Set([...comparison.key, ...comparison.writable, ...comparison.columns].map((c) => c.source))];
  const why = `${error.serverMessage} in the ${role} (SQLSTATE ${error.sqlState})`;
  const hint =
    error.sqlState === '42703'
      ? `; columns on both sides, by their names in the source, are ${names.join(', ')}; an expression is used as written on both sides`
      : '; allowed: a column, or an SQL expression that gives one value for each row, as written on both sides';
  return new TrueupError(error.sqlState === '42703' ? 'COLUMN_NOT_FOUND' : 'CONFIG_INVALID', `${what}: ${why}${hint}`);
}
