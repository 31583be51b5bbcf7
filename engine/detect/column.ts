import type { TablePair } from '../../contracts/table-pair';
import { TrueupError } from '../../contracts/errors';
import { quoteIdentifier } from '../../database/identifier';
import type { TableShape } from '../../database/table-shape';
import { pairColumns, type ColumnPair } from '../column-pair';
import { commonType } from '../common-type';
import { keyForm } from '../distinct';
import type { Role } from '../side';
import { castSql, type Cast } from '../zone';

/** The columns that both sides have, by the names that the config uses: the source's. */
export function columnsOf(pair: TablePair, source: TableShape, target: TableShape): ReadonlyMap<string, ColumnPair> {
  return new Map(pairColumns(pair, source, target).map((found) => [found.source.name, found]));
}

/** The column that a check names. Throws COLUMN_NOT_FOUND. */
export function needColumn(
  columns: ReadonlyMap<string, ColumnPair>,
  name: string,
  { table, check }: { readonly table: string; readonly check: string },
): ColumnPair {
  const found = columns.get(name);
  if (found) return found;
  throw new TrueupError(
    'COLUMN_NOT_FOUND',
    `table ${table}: ${check} names the column ${name}; on both sides are ${[...columns.keys()].join(', ')}`,
  );
}

/** SQL for a column's text as it is. */
export function plainText(name: string): string {
  return `${quoteIdentifier(name)}::text`;
}

/** SQL for a text that is one on both sides where the values are equal; a type of its own on each side may have none. */
export function commonText({ source, target }: ColumnPair, role: Role, zone?: Cast['zone']): string {
  const name = quoteIdentifier(role === 'source' ? source.name : target.name);
  const common = commonType(source, target);
  if (common === null) return `${name}::text`;
  return keyForm(common.type, castSql(name, { castTo: common.castTo, ...(zone ? { zone } : {}) }, role));
}
