import type { Comparison, KeyColumn } from '../contracts/comparison';
import { TrueupError } from '../contracts/errors';
import type { TablePair } from '../contracts/table-pair';
import type { ColumnShape, TableShape } from '../database/table-shape';
import { isInteger, keyType } from './common-type';
import { comparedColumns } from './compared-columns';

const BYTE_ORDER = new Set(['C', 'POSIX']);

interface ColumnPair {
  readonly source: ColumnShape;
  readonly target: ColumnShape;
}

/**
 * Resolves a table pair against both catalogs: which columns make the key, which are compared and in what type, which
 * may be written.
 *
 * @throws KEY_UNUSABLE, COLUMN_NOT_FOUND, COLUMNS_INCOMPARABLE, CONFIG_INVALID: the config and the tables do not fit.
 */
export function resolveComparison(pair: TablePair, source: TableShape, target: TableShape): Comparison {
  checkNames(pair, source, target);
  const columnPairs = pairColumns(pair, source, target);
  const keyNames = keyOf(pair, source, target);
  const key = keyNames.map((name) => keyColumn(pair, name, columnPairs));
  const compared = comparedColumns(pair, columnPairs, keyNames);
  const { columns } = compared;
  const notes = [...compared.notes];
  const unpaired = (shape: TableShape, names: readonly string[]) =>
    shape.columns.map((column) => column.name).filter((name) => !names.includes(name));
  const sourceOnly = unpaired(
    source,
    columnPairs.map((found) => found.source.name),
  );
  const targetOnly = unpaired(
    target,
    columnPairs.map((found) => found.target.name),
  );
  if (sourceOnly.length > 0) notes.push(`only in the source, not compared: ${sourceOnly.join(', ')}`);
  if (targetOnly.length > 0) notes.push(`only in the target, not compared: ${targetOnly.join(', ')}`);
  const targetKey = key.map((column) => column.target);
  return {
    pair,
    key,
    columns,
    writable: columnPairs
      .filter(({ target: t }) => !t.generated)
      .map(({ source: s, target: t }) => ({ source: s.name, target: t.name, targetType: t.baseType })),
    targetColumns: target.columns.map(({ name, baseType, generated }) => ({ name, type: baseType, generated })),
    indexed: { source: isIndexed(source, key, 'source'), target: isIndexed(target, key, 'target') },
    keyProven: { source: isProven(source, keyNames), target: isProven(target, targetKey) },
    notes,
  };
}

function checkNames(pair: TablePair, source: TableShape, target: TableShape): void {
  const has = (shape: TableShape, name: string) => shape.columns.some((column) => column.name === name);
  const missing = (shape: TableShape, name: string, role: string) =>
    new TrueupError(
      'COLUMN_NOT_FOUND',
      `table ${pair.name}: the ${role} has no column ${name}; it has ${shape.columns.map((c) => c.name).join(', ')}`,
    );
  for (const [from, to] of Object.entries(pair.columns)) {
    if (!has(source, from)) throw missing(source, from, 'source');
    if (!has(target, to)) throw missing(target, to, 'target');
  }
  for (const name of pair.key ?? []) {
    if (!has(source, name)) throw missing(source, name, 'source');
  }
}

function pairColumns(pair: TablePair, source: TableShape, target: TableShape): readonly ColumnPair[] {
  const targets = new Map(target.columns.map((column) => [column.name, column]));
  return source.columns.flatMap((column) => {
    const mapped = Object.hasOwn(pair.columns, column.name) ? pair.columns[column.name] : undefined;
    const partner = targets.get(mapped ?? column.name);
    return partner ? [{ source: column, target: partner }] : [];
  });
}

function keyOf(pair: TablePair, source: TableShape, target: TableShape): readonly string[] {
  if (pair.key !== null && pair.key.length > 0) return pair.key;
  if (source.primaryKey.length > 0) return source.primaryKey;
  if (target.primaryKey.length > 0) {
    const back = new Map(Object.entries(pair.columns).map(([from, to]) => [to, from]));
    return target.primaryKey.map((name) => back.get(name) ?? name);
  }
  throw new TrueupError(
    'KEY_UNUSABLE',
    `table ${pair.name}: neither ${source.schema}.${source.name} nor ${target.schema}.${target.name} has a primary key, and the config names no key`,
  );
}

function keyColumn(pair: TablePair, name: string, columnPairs: readonly ColumnPair[]): KeyColumn {
  const found = columnPairs.find((columns) => columns.source.name === name);
  if (!found) throw new TrueupError('KEY_UNUSABLE', `table ${pair.name}: key column ${name} is not on both sides`);
  const { source, target } = found;
  const type = keyType(source, target);
  const bytewise = (column: ColumnShape) => column.collation !== null && BYTE_ORDER.has(column.collation);
  const order = type === 'text' ? 'text' : isInteger(type) ? 'integer' : type === 'uuid' ? 'uuid' : 'other';
  return {
    source: source.name,
    target: target.name,
    type,
    order,
    // A cast that is not needed would keep an index from being used.
    cast: { source: needsCast(source, type), target: needsCast(target, type) },
    collate: { source: type === 'text' && !bytewise(source), target: type === 'text' && !bytewise(target) },
  };
}

function needsCast(column: ColumnShape, type: string): boolean {
  if (column.baseType === type) return false;
  return !(type === 'text' && column.baseType === 'character varying');
}

/** Whether an index gives the key's order; a key that is cast before it is ordered has none. */
function isIndexed(shape: TableShape, key: readonly KeyColumn[], role: 'source' | 'target'): boolean {
  return shape.indexes.some((index) =>
    key.every((column, i) => {
      const collation = index.collations[i];
      const asStored = column.order === 'integer' || !column.cast[role];
      return index.columns[i] === column[role] && asStored && (collation == null || BYTE_ORDER.has(collation));
    }),
  );
}

function isProven(shape: TableShape, key: readonly string[]): boolean {
  const notNull = key.every((name) => shape.columns.find((column) => column.name === name)?.notNull);
  const unique = shape.indexes.some((index) => index.unique && index.columns.every((name) => key.includes(name)));
  return notNull && unique;
}
