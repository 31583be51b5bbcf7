import type { KeyOrigin } from '../contracts/comparison';
import { TrueupError } from '../contracts/errors';
import type { TablePair } from '../contracts/table-pair';
import type { TableShape } from '../database/table-shape';
import type { ColumnPair } from './column-pair';
import { commonType, type CommonType } from './common-type';
import { moneyUnknown } from './money';
import type { Role } from './side';
import { zoneOfColumn, zoneUnknown, type Zones } from './zone';

/** A column of a key, and the type in which both sides' values are compared. */
export interface KeyPair extends ColumnPair {
  readonly common: CommonType;
  /** The zone that its times are of, where they bear none and are compared as instants. */
  readonly zone?: { readonly source: string | null; readonly target: string | null };
}

export interface KeyChoice {
  readonly columns: readonly KeyPair[];
  readonly origin: KeyOrigin;
}

/**
 * The key by which rows are matched: the config's; else a primary key, the source's first; else a unique index, one that
 * never holds NULL first, and one that both sides have before one of either. Without any of them rows have no key.
 *
 * @throws KEY_UNUSABLE, COLUMNS_INCOMPARABLE: the config's key, or every primary key, has a column that is not on both
 *   sides, or of types that no type holds both.
 */
export function chooseKey(
  pair: TablePair,
  source: TableShape,
  target: TableShape,
  columnPairs: readonly ColumnPair[],
  zones?: Zones,
): KeyChoice {
  if (pair.key !== null && pair.key.length > 0) {
    const columns = pair.key.map(
      (name) => keyPair(columnPairs, name, 'source', zones) ?? fail(pair, columnPairs, name, 'source', zones),
    );
    return { columns, origin: 'config' };
  }
  const paired = (names: readonly string[], role: Role) => {
    const columns = names.flatMap((name) => keyPair(columnPairs, name, role, zones) ?? []);
    return columns.length === names.length && names.length > 0 ? columns : null;
  };
  const unique = (role: Role, shape: TableShape) =>
    shape.indexes.flatMap((index) => {
      const columns = index.unique ? paired(index.columns, role) : null;
      return columns === null || columns.some((found) => pair.exclude.includes(found.source.name)) ? [] : [columns];
    });
  const [ofSource, ofTarget] = [unique('source', source), unique('target', target)];
  const id = (columns: readonly KeyPair[]) => JSON.stringify(columns.map((found) => found.source.name).sort());
  const shared = ofSource.filter((columns) => ofTarget.some((other) => id(other) === id(columns)));
  const either = [...shared, ...ofSource, ...ofTarget];
  const neverNull = (columns: readonly KeyPair[]) =>
    columns.every((found) => found.source.notNull && found.target.notNull);
  const columns =
    paired(source.primaryKey, 'source') ?? paired(target.primaryKey, 'target') ?? either.find(neverNull) ?? either[0];
  if (columns) return { columns, origin: 'catalog' };
  const [ofKey] = source.primaryKey;
  if (ofKey !== undefined) return fail(pair, columnPairs, ofKey, 'source', zones);
  const [lost] = target.primaryKey;
  return lost === undefined ? { columns: [], origin: 'none' } : fail(pair, columnPairs, lost, 'target', zones);
}

function keyPair(
  columnPairs: readonly ColumnPair[],
  name: string,
  role: Role,
  zones: Zones | undefined,
): KeyPair | null {
  const found = columnPairs.find((columns) => columns[role].name === name);
  const common = found ? commonType(found.source, found.target) : null;
  if (!found || !common || moneyUnknown(found, zones?.moneyDigits) !== null) return null;
  const zone = zoneOfColumn(found, common.type, zones);
  return zone === 'unknown' ? null : { ...found, common, ...(zone ? { zone } : {}) };
}

function fail(
  pair: TablePair,
  columnPairs: readonly ColumnPair[],
  name: string,
  role: Role,
  zones: Zones | undefined,
): never {
  const found = columnPairs.find((columns) => columns[role].name === name);
  const column = `table ${pair.name}: key column ${name}`;
  if (!found) throw new TrueupError('KEY_UNUSABLE', `${column} is not on both sides`);
  const types = `${found.source.type} in the source, ${found.target.type} in the target`;
  const common = commonType(found.source, found.target);
  const why =
    common === null
      ? 'no type takes both without loss'
      : (moneyUnknown(found, zones?.moneyDigits) ?? zoneUnknown(common.type));
  throw new TrueupError('COLUMNS_INCOMPARABLE', `${column}: ${types}: ${why}`);
}
