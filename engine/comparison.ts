import type { Comparison, HashMethod } from '../contracts/comparison';
import { TrueupError } from '../contracts/errors';
import type { TablePair } from '../contracts/table-pair';
import type { TableShape } from '../database/table-shape';
import { pairColumns, type ColumnPair } from './column-pair';
import { isUnasked } from './common-type';
import { comparedColumns } from './compared-columns';
import { chooseKey, type KeyChoice } from './key-choice';
import { layKey } from './key-order';
import type { Role } from './side';
import { writtenColumns } from './written-column';
import { zoneNote, type Zones } from './zone';

/**
 * Resolves a table pair against both catalogs: which columns make the key, which are compared and in what type, which
 * may be written.
 *
 * @throws KEY_UNUSABLE, COLUMN_NOT_FOUND, COLUMNS_INCOMPARABLE, CONFIG_INVALID: the config and the tables do not fit.
 */
export function resolveComparison(
  pair: TablePair,
  source: TableShape,
  target: TableShape,
  hash: HashMethod = 'native-14',
  zones?: Zones,
): Comparison {
  const columnPairs = pairColumns(pair, source, target);
  const choice = chooseKey(pair, source, target, columnPairs, zones);
  const { key, strategy, why } = layKey(choice.columns, source, target);
  const keyNames = namesOf(choice.columns, 'source');
  const keyNullable = isNullable(choice, source, target);
  const compared = comparedColumns(pair, columnPairs, keyNames, zones);
  const { columns } = compared;
  const written = writtenColumns(pair, columnPairs, target, keyNames, zones);
  const notes = [...compared.notes, ...written.notes];
  for (const found of choice.columns) {
    const note = zoneNote(found, found.common.type, zones);
    if (note !== '') notes.push(`key ${found.source.name} compared as ${found.common.type}${note}`);
  }
  for (const { source: a, target: b } of choice.columns.filter((found) => isUnasked(found.source, found.target))) {
    notes.push(
      `key ${a.name} (${a.type} in the source, ${b.type} in the target) is matched by its text alone: a row whose key is ` +
        'spelt otherwise on the other side is one missing and one extra row, even if the database takes both keys for equal',
    );
  }
  const keyText = key.map((column) => column.source).join(', ');
  if (key.length === 0) {
    if (columns.length === 0) throw new TrueupError('KEY_UNUSABLE', `table ${pair.name}: no column is on both sides`);
    notes.push('no key: equal rows are counted on both sides, and what differs is not corrected');
  } else {
    if (strategy === 'buckets') notes.push(`compared by hash of the key (${keyText}): ${why ?? ''}`);
    if (keyNullable) notes.push(`rows whose key (${keyText}) is NULL are counted by their values, and not corrected`);
  }
  const tolerant = columns.filter((column) => column.equivalence !== undefined).map((column) => column.source);
  if ((key.length === 0 || keyNullable) && tolerant.length > 0) {
    notes.push(`where rows are counted, values are equal only where their texts are, of ${tolerant.join(', ')} too`);
  }
  const unpaired = (shape: TableShape, role: Role) =>
    shape.columns.map(({ name }) => name).filter((name) => !columnPairs.some((found) => found[role].name === name));
  const [sourceOnly, targetOnly] = [unpaired(source, 'source'), unpaired(target, 'target')];
  if (sourceOnly.length > 0) notes.push(`only in the source, not compared: ${sourceOnly.join(', ')}`);
  if (targetOnly.length > 0) notes.push(`only in the target, not compared: ${targetOnly.join(', ')}`);
  return {
    pair,
    key,
    keyOrigin: choice.origin,
    keyNullable,
    strategy,
    columns,
    writable: written.writable,
    targetColumns: target.columns.map((column) => {
      const form = written.forms.target.get(column.name);
      const { name, baseType: type, generated } = column;
      return { name, type, generated, ...(form === undefined ? {} : { form }) };
    }),
    ...(written.forms.source.size === 0 ? {} : { sourceForms: Object.fromEntries(written.forms.source) }),
    ...(written.unfilled.length === 0 ? {} : { unfilled: written.unfilled }),
    keyProven: {
      source: isUnique(source, keyNames),
      target: isUnique(target, namesOf(choice.columns, 'target')),
    },
    hash,
    ...(zones ? { zones } : {}),
    notes,
  };
}

function namesOf(columns: readonly ColumnPair[], role: Role): readonly string[] {
  return columns.map((found) => found[role].name);
}

/**
 * Whether a key may hold NULL. Of a key that the config names, this is taken for meant only beside a unique index, which
 * says that the other rows are told apart; elsewhere planning refuses a NULL.
 */
function isNullable(choice: KeyChoice, source: TableShape, target: TableShape): boolean {
  const nullable = (role: Role) => choice.columns.some((found) => !found[role].notNull);
  const meant = (role: Role, shape: TableShape) =>
    choice.origin !== 'config' || isUnique(shape, namesOf(choice.columns, role));
  return (nullable('source') && meant('source', source)) || (nullable('target') && meant('target', target));
}

function isUnique(shape: TableShape, key: readonly string[]): boolean {
  return shape.indexes.some((index) => index.unique && index.columns.every((name) => key.includes(name)));
}
