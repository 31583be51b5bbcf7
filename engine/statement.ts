import type { Comparison } from '../contracts/comparison';
import type { PlanItem } from '../contracts/plan-item';
import { quoteIdentifier, quoteLiteral } from '../database/identifier';
import { keyValues } from './key';
import { keyMatch, keyType } from './look-up';
import type { Side, SideSql } from './side';
import { writtenValues, type Given } from './written-value';

/** One set-based statement that makes a group of corrections. Its only parameter is `rows`, as JSON. */
export interface CorrectionStatement {
  readonly text: string;
  readonly rows: readonly unknown[];
}

/**
 * The statements that make a batch of corrections of one table and one operation: one for all inserts or deletes,
 * and one for each set of columns that updates change.
 */
export function correctionStatements(
  comparison: Comparison,
  side: Side,
  items: readonly PlanItem[],
): readonly CorrectionStatement[] {
  const groups = new Map<string, PlanItem[]>();
  for (const item of items) {
    const signature = JSON.stringify([item.operation, ...writtenForm(item)]);
    groups.set(signature, [...(groups.get(signature) ?? []), item]);
  }
  return [...groups.values()].map((group) => statementOf(comparison, side, group));
}

/** What has to be alike for one statement to write several items: the columns, and the form of what is written to them. */
export function writtenForm({ after, checkSource, given = [] }: WrittenItem): readonly unknown[] {
  return [Object.keys(after ?? {}).sort(), checkSource, [...given].sort()];
}

/** What a statement has to know of an item. */
type WrittenItem = Pick<PlanItem, 'after'> & Given;

/** One of the rows; a name that no column of the table has, so that the table's own columns need no qualifying. */
const JSON_ROW = '"trueup:item"."trueup:json"';

function statementOf(comparison: Comparison, side: Side, group: readonly PlanItem[]): CorrectionStatement {
  const [first] = group;
  if (!first) throw new RangeError('a group of corrections is empty');
  return {
    text: correctionText(comparison, side, first, 'jsonb_array_elements($1::jsonb)'),
    rows: group.map((item) => ({ key: keyValues(comparison, item.key), after: item.after })),
  };
}

/**
 * The statement that makes corrections of one table, one operation and one set of columns. `from` is SQL for its rows, each
 * one jsonb value: `{"key": [values in the key's order], "after": {column: value}}`.
 */
export function correctionText(
  comparison: Comparison,
  side: SideSql,
  item: Pick<PlanItem, 'operation'> & WrittenItem,
  from: string,
): string {
  const columns = Object.keys(item.after ?? {});
  const valueOf = writtenValues(comparison, item);
  const values = columns.map((name) => valueOf(name, `${JSON_ROW} -> 'after' ->> ${quoteLiteral(name)}`));
  const names = columns.map(quoteIdentifier);
  const rows = `${from} as "trueup:item"("trueup:json")`;
  const match = side.key
    .map((column, i) => keyMatch(column, `(${JSON_ROW} -> 'key' ->> ${i})::${keyType(column)}`))
    .join(' and ');
  switch (item.operation) {
    case 'insert':
      return `insert into ${side.relation} (${names.join(', ')}) overriding system value
               select ${values.join(', ')} from ${rows}`;
    case 'update':
      return `update ${side.relation} as "trueup:row" set ${names.map((name, i) => `${name} = ${values[i] ?? 'null'}`).join(', ')}
                 from ${rows} where ${match}`;
    case 'delete':
      return `delete from ${side.relation} as "trueup:row" using ${rows} where ${match}`;
  }
}
