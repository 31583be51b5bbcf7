import type { Comparison } from '../contracts/comparison';
import type { TextRow } from '../contracts/finding';
import type { PlanItem } from '../contracts/plan-item';
import type { Queryable } from '../database/connection';
import { DatabaseFailure } from '../database/failure';
import { quoteLiteral } from '../database/identifier';
import type { ColumnShape, TableShape } from '../database/table-shape';
import { writtenForm } from './statement';
import { textOf } from './text-form';
import { writtenValues } from './written-value';

/** Items whose values are read by the target in one statement. */
const MOST_ITEMS = 500;

/**
 * Corrections of one table with what their columns become, in the form in which the target gives it back: 5.00 of the source
 * is 5 in an integer, and refers to the row that has it. Of these columns only; a value that the target refuses stays as
 * it is.
 */
export async function inTargetForm(
  session: Queryable,
  comparison: Comparison,
  shape: TableShape,
  items: readonly PlanItem[],
  columns: ReadonlySet<string>,
): Promise<readonly PlanItem[]> {
  const converted = new Set(comparison.writable.filter(({ conversion }) => conversion).map(({ target }) => target));
  const isOther = ({ name, type, baseType }: ColumnShape) => converted.has(name) || type !== baseType;
  const asked = new Set(
    shape.columns.filter((column) => columns.has(column.name) && isOther(column)).map(({ name }) => name),
  );
  if (asked.size === 0) return items;
  const groups = new Map<string, PlanItem[]>();
  for (const item of items) {
    if (!item.checkSource || item.after === null || !Object.keys(item.after).some((name) => asked.has(name))) continue;
    const form = JSON.stringify(writtenForm(item));
    groups.set(form, [...(groups.get(form) ?? []), item]);
  }
  const becomes = new Map<PlanItem, TextRow>();
  for (const group of groups.values()) {
    for (let at = 0; at < group.length; at += MOST_ITEMS) {
      await ask(session, comparison, shape, group.slice(at, at + MOST_ITEMS), asked, becomes);
    }
  }
  return items.map((item) => {
    const values = becomes.get(item);
    return values ? { ...item, becomes: { ...item.after, ...values } } : item;
  });
}

async function ask(
  session: Queryable,
  comparison: Comparison,
  shape: TableShape,
  items: readonly PlanItem[],
  asked: ReadonlySet<string>,
  becomes: Map<PlanItem, TextRow>,
): Promise<void> {
  const [first] = items;
  if (!first) return;
  const valueOf = writtenValues(comparison, first);
  const forms = new Map(comparison.targetColumns.map(({ name, form }) => [name, form]));
  const names = Object.keys(first.after ?? {}).filter((name) => asked.has(name));
  const types = new Map(shape.columns.map(({ name, type }) => [name, type]));
  const values = names.map((name, i) => {
    // With its modifier, as the assignment has it: only to be told apart by, never to be written.
    const value = `(${valueOf(name, `row ->> ${quoteLiteral(name)}`)})::${types.get(name) ?? 'text'}`;
    return `${textOf(`(${value})`, forms.get(name))} as "c${i}"`;
  });
  try {
    const { rows } = await session.query<Record<string, string | null>>(
      `select ${values.join(', ')} from jsonb_array_elements($1::jsonb) with ordinality as given(row, n) order by n`,
      [JSON.stringify(items.map(({ after }) => after))],
    );
    items.forEach((item, i) => {
      becomes.set(item, Object.fromEntries(names.map((name, place) => [name, rows[i]?.[`c${place}`] ?? null])));
    });
  } catch (error) {
    if (!(error instanceof DatabaseFailure) || !/^(0A|2[23]|42|P0)/.test(error.sqlState)) throw error;
    if (items.length === 1) return;
    const half = Math.ceil(items.length / 2);
    await ask(session, comparison, shape, items.slice(0, half), asked, becomes);
    await ask(session, comparison, shape, items.slice(half), asked, becomes);
  }
}
