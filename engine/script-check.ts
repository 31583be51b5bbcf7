import type { ComparedColumn, Comparison } from '../contracts/comparison';
import type { TextRow } from '../contracts/finding';
import type { PlanItem } from '../contracts/plan-item';
import { equivalentCondition } from './equivalence';
import type { Role } from './side';
import { isOfSource } from './written-value';
import { castSql } from './zone';

/*
 * What a script holds a row against that it has written. It does not ask the source, but has the source's values: those that
 * the plan writes, and those of columns that the target generates.
 */

/** By columns of the target: an SQL condition on `a`, the text that is wanted, and `b`, the text that the row holds. */
export type ScriptChecks = Readonly<Record<string, string>>;

/** Of an item, what tells how its row is held against the plan. */
type Checked = Pick<PlanItem, 'operation' | 'after' | 'checkSource' | 'source' | 'given'>;

/** The columns that a correction must leave as planned; texts that are the same are not held against a condition. */
export function scriptChecks(comparison: Comparison, item: Checked): ScriptChecks {
  if (item.operation === 'delete') return {};
  const types = new Map(comparison.targetColumns.map(({ name, type }) => [name, type]));
  const own = (name: string) => sameAs(types.get(name) ?? 'text');
  const keys = comparison.key.map(({ target }) => target);
  const columns = new Map(comparison.columns.map((column) => [column.target, column]));
  const isCompared = (name: string) => columns.has(name) || keys.includes(name);
  const conversions = new Map(comparison.writable.map(({ target, conversion }) => [target, conversion]));
  const bySource = (column: ComparedColumn, name: string) => {
    const type = types.get(name) ?? 'text';
    // A generated column is written by nobody; its source is read in the common type.
    return condition(column, conversions.get(name)?.from ?? column.castTo ?? type, type);
  };
  const checks = new Map<string, string>();
  const written = Object.keys(item.after ?? {});
  for (const name of written) {
    const column = columns.get(name);
    if (isOfSource(item, name)) {
      // A row is found by its key; what is not compared may come out otherwise.
      if (column) checks.set(name, bySource(column, name));
    } else if (isCompared(name) || comparison.targetOnly || item.given?.includes(name)) checks.set(name, own(name));
  }
  for (const name of Object.keys(scriptWanted(comparison, item) ?? {})) {
    const column = columns.get(name);
    if (column) checks.set(name, bySource(column, name));
  }
  const generated = new Set(comparison.targetColumns.flatMap((column) => (column.generated ? [column.name] : [])));
  if (item.operation === 'update') {
    const untouched = [...columns.keys()].filter((name) => !written.includes(name) && !generated.has(name));
    for (const name of untouched) checks.set(name, own(name));
  }
  return Object.fromEntries(checks);
}

/** What columns that the target generates must come to, as the source has it; null: nothing is said of any. */
export function scriptWanted(comparison: Comparison, { operation, checkSource, source }: Checked): TextRow | null {
  if (!checkSource || source === null || operation === 'delete') return null;
  const generated = new Set(comparison.targetColumns.flatMap(({ name, generated: is }) => (is ? [name] : [])));
  const wanted = comparison.columns.filter(({ target }) => generated.has(target));
  if (wanted.length === 0) return null;
  return Object.fromEntries(wanted.map((column) => [column.target, source[column.source] ?? null]));
}

const sameAs = (type: string) => `array[a::${type}] = array[b::${type}]`;

/** In the type in which both sides are compared, as far as that can be told from texts; `from` is the source's type. */
function condition(column: ComparedColumn, from: string, type: string): string {
  const exact = `array[${compared(column, 'source', 'a', from)}] = array[${compared(column, 'target', 'b', type)}]`;
  const further = equivalentCondition(column);
  return further === null ? exact : `(${exact} or ${further})`;
}

/** SQL for a text of a side in the type in which both are compared. */
function compared(column: ComparedColumn, role: Role, text: string, type: string): string {
  const isText = column.castTo === 'text' && column.forms?.[role] === undefined && type !== 'bpchar';
  return isText ? text : castSql(`(${text})::${type}`, column, role);
}
