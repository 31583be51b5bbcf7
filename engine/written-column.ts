import type { TextForm, WritableColumn } from '../contracts/comparison';
import type { TablePair } from '../contracts/table-pair';
import type { TableShape } from '../database/table-shape';
import type { ColumnPair } from './column-pair';
import { commonType } from './common-type';
import { moneyUnknown } from './money';
import type { Role } from './side';
import { comparedForm, keptForm } from './text-form';
import { zoneOfColumn, type Zones } from './zone';

export interface WrittenColumns {
  readonly writable: readonly WritableColumn[];
  /** The forms in which the texts of a side are read, by the column's name; the others: by their cast to text. */
  readonly forms: Readonly<Record<Role, ReadonlyMap<string, TextForm>>>;
  /** Columns of the target that a row must have and that no correction fills. */
  readonly unfilled: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Which columns of the target a correction writes: those whose values can be compared with the source's, by the type in
 * which they are compared. An excluded column is among them, so that a row that is missing is copied whole. What is left
 * is left to the column's default.
 */
export function writtenColumns(
  pair: TablePair,
  columnPairs: readonly ColumnPair[],
  target: TableShape,
  key: readonly string[],
  zones?: Zones,
): WrittenColumns {
  const writable: WritableColumn[] = [];
  const left: string[] = [];
  const forms = { source: new Map<string, TextForm>(), target: new Map<string, TextForm>() };
  for (const { source: s, target: t } of columnPairs) {
    const common = commonType(s, t);
    const differ = s.baseType !== t.baseType;
    const asText = differ && common?.castTo === 'text' && common.equalAs === null;
    const ofSource = asText ? comparedForm(s) : keptForm(s);
    // The text that an undo gives back must say all; the output of an xml does not.
    const ofTarget = asText && t.baseType !== 'xml' ? comparedForm(t) : keptForm(t);
    if (ofSource !== undefined) forms.source.set(s.name, ofSource);
    if (ofTarget !== undefined) forms.target.set(t.name, ofTarget);
    if (t.generated) continue;
    const zone = common === null ? null : zoneOfColumn({ source: s, target: t }, common.type, zones);
    const near = pair.tolerance !== undefined && Object.hasOwn(pair.tolerance, s.name) && !key.includes(s.name);
    const amounts = moneyUnknown({ source: s, target: t }, zones?.moneyDigits, !near);
    if (common === null || zone === 'unknown' || amounts !== null) {
      left.push(t.name);
      continue;
    }
    const column = { source: s.name, target: t.name, targetType: t.baseType };
    const through = common.equalAs ?? common.type;
    const conversion = {
      from: s.baseType,
      through,
      ...(zone ? { zone } : {}),
      ...(near ? { near: true as const } : {}),
    };
    writable.push(differ ? { ...column, conversion } : column);
  }
  const written = new Set(writable.map((column) => column.target));
  for (const column of target.columns) {
    const form = keptForm(column);
    if (form !== undefined && !forms.target.has(column.name)) forms.target.set(column.name, form);
  }
  const needed = target.columns.filter(({ name, needed }) => needed === true && !written.has(name));
  const unfilled = target.filled === true ? [] : needed.map(({ name }) => name);
  const notes: string[] = [];
  const toDefault = left.filter((name) => !unfilled.includes(name));
  if (toDefault.length > 0) notes.push(`never written, left to a default on insert: ${toDefault.join(', ')}`);
  if (unfilled.length > 0) notes.push(unfilledNote(unfilled));
  return { writable, forms, unfilled, notes };
}

function unfilledNote(names: readonly string[]): string {
  const [it, has] = names.length === 1 ? ['it', 'has'] : ['they', 'have'];
  return (
    `rows missing in the target are not inserted: ${names.join(', ')} of the target cannot be NULL, ${has} no default, and ` +
    `nothing of the source can be written to ${it === 'it' ? 'it' : 'them'}; give ${it === 'it' ? 'it' : 'them'} a default ` +
    'or a type that the source converts to without loss, or map a column to it in the config (columns: …)'
  );
}
