import type { ComparedColumn } from '../contracts/comparison';
import { TrueupError } from '../contracts/errors';
import type { TablePair } from '../contracts/table-pair';
import type { ColumnPair } from './column-pair';
import { equivalenceOf, ruleNote } from './column-rule';
import { commonType } from './common-type';
import { moneyNote, moneyUnknown } from './money';
import { textForms } from './text-form';
import { zoneNote, zoneOfColumn, zoneUnknown, type Zones } from './zone';

/**
 * How each pair of columns is compared that is neither of the key (by its source name) nor excluded, and what a reader
 * of the report should know of it.
 *
 * @throws CONFIG_INVALID: a tolerance or a text rule of the config is for a column that it does not fit.
 */
export function comparedColumns(
  pair: TablePair,
  columnPairs: readonly ColumnPair[],
  key: readonly string[],
  zones?: Zones,
): { readonly columns: readonly ComparedColumn[]; readonly notes: readonly string[] } {
  checkRules(pair, columnPairs, key);
  const columns: ComparedColumn[] = [];
  const notes: string[] = [];
  for (const { source, target } of columnPairs) {
    if (key.includes(source.name) || pair.exclude.includes(source.name)) continue;
    const common = commonType(source, target);
    const equivalence = equivalenceOf(pair, source, target, common);
    const types = `${source.name}: ${source.type} in the source, ${target.type} in the target`;
    if (common === null) {
      notes.push(`not compared, as no type takes the values of both without loss: ${types}`);
      continue;
    }
    const unknown = moneyUnknown({ source, target }, zones?.moneyDigits, pair.tolerance?.[source.name] === undefined);
    if (unknown !== null) {
      notes.push(`not compared, as ${unknown}: ${types}`);
      continue;
    }
    const zone = zoneOfColumn({ source, target }, common.type, zones);
    if (zone === 'unknown') {
      notes.push(`not compared, as ${zoneUnknown(common.type)}: ${types}`);
      continue;
    }
    if (source.type !== target.type) {
      notes.push(
        `types differ, compared as ${common.type}${zoneNote({ source, target }, common.type, zones)}: ${types}`,
      );
    }
    const amounts = moneyNote({ source, target }, zones?.moneyDigits);
    if (amounts !== null) notes.push(`${source.name}: ${amounts}`);
    const note = ruleNote(pair, source.name);
    if (note !== null) notes.push(note);
    const { type, castTo } = common;
    const notNull = { source: source.notNull, target: target.notNull };
    const forms = textForms(source, target, common);
    const column = {
      source: source.name,
      target: target.name,
      type,
      castTo,
      notNull,
      ...(forms ? { forms } : {}),
      ...(zone ? { zone } : {}),
    };
    columns.push(equivalence === null ? column : { ...column, equivalence });
  }
  return { columns, notes };
}

/** Makes sure that every rule of the config is for a column that is compared by its value. */
function checkRules(pair: TablePair, columnPairs: readonly ColumnPair[], key: readonly string[]): void {
  const paired = columnPairs.map(({ source }) => source.name);
  for (const field of ['tolerance', 'text'] as const) {
    for (const name of Object.keys(pair[field] ?? {})) {
      const why = !paired.includes(name)
        ? `no column ${name} is on both sides; these are: ${paired.join(', ')}`
        : key.includes(name)
          ? 'it is of the key, which is compared exactly'
          : pair.exclude.includes(name)
            ? 'it is excluded, and not compared'
            : key.length === 0
              ? 'the table has no key: equal rows are counted, and only what is exactly equal is'
              : null;
      if (why === null) continue;
      const code = paired.includes(name) ? 'CONFIG_INVALID' : 'COLUMN_NOT_FOUND';
      throw new TrueupError(code, `table ${pair.name}: ${field}.${name}: ${why}`);
    }
  }
}
