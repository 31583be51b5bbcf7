import type { Comparison, TextForm } from '../contracts/comparison';
import type { TextRow } from '../contracts/finding';
import type { Queryable } from '../database/connection';
import { DatabaseFailure } from '../database/failure';
import type { ColumnShape, TableShape } from '../database/table-shape';
import { textOf } from './text-form';

/** Values in the text form that the column would hold, or what is wrong with one; a problem never repeats a value. */
export type CheckedValues =
  { readonly ok: true; readonly values: TextRow } | { readonly ok: false; readonly problem: string };

/** pg_type.typcategory of types whose values can be told equal: bits, dates, numbers, strings, time spans. */
const COMPARED = 'VDNST';

/**
 * Checks values that a person gives for columns of the target: the columns may be written, and the database itself reads
 * each value in the column's type, and would neither cut nor round it. Writes nothing.
 */
export async function checkValues(
  session: Queryable,
  comparison: Comparison,
  shape: TableShape,
  given: TextRow,
): Promise<CheckedValues> {
  const key = comparison.key.map((column) => column.target);
  const writable = shape.columns.filter(({ name, generated }) => !generated && !key.includes(name));
  const forms = new Map(comparison.targetColumns.map((column) => [column.name, column.form]));
  const values: Record<string, string | null> = {};
  for (const [name, value] of Object.entries(given)) {
    const problem = (what: string): CheckedValues => ({
      ok: false,
      problem: `values: ${JSON.stringify(name)}: ${what}`,
    });
    const column = shape.columns.find((found) => found.name === name);
    const allowed = `allowed: ${writable.map((each) => each.name).join(', ')}`;
    if (!column) return problem(`found no such column of ${shape.schema}.${shape.name}, ${allowed}`);
    if (column.generated) return problem(`found a generated column, ${allowed}`);
    if (key.includes(name)) return problem(`found a column of the key, ${allowed}`);
    if (value === null) {
      if (column.notNull) return problem('found null, allowed: a text, as the column is NOT NULL');
      values[name] = null;
      continue;
    }
    const stored = await storedText(session, column, forms.get(name), value);
    if (stored === null) return problem(`found a text that is no ${column.type}`);
    if (stored === 'changed') return problem(`found a value that does not fit ${column.type} as it is`);
    values[name] = stored.text;
  }
  return { ok: true, values };
}

/** The value as the column would give it back; null where it is none of the type, `changed` where it would lose something. */
async function storedText(
  session: Queryable,
  { type, baseType, category }: ColumnShape,
  form: TextForm | undefined,
  value: string,
): Promise<{ readonly text: string } | 'changed' | null> {
  const fits =
    type !== baseType && COMPARED.includes(category)
      ? `($1::text::${type})::${baseType} is not distinct from $1::text::${baseType}`
      : 'true';
  try {
    const { rows } = await session.query<{ text: string; fits: string }>(
      `select ${textOf(`($1::text::${type})`, form)} as text, ${fits} as fits`,
      [value],
    );
    return rows[0]?.fits === 't' ? { text: rows[0].text } : 'changed';
  } catch (error) {
    if (error instanceof DatabaseFailure && /^(22|23|42)/.test(error.sqlState)) return null;
    throw error;
  }
}
