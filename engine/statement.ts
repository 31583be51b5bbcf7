import type { Comparison } from '../contracts/comparison';
import type { PlanItem } from '../contracts/plan-item';
import { quoteIdentifier, quoteLiteral } from '../database/identifier';
import { keyValues } from './key';
import type { Side } from './side';

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
    const signature = JSON.stringify([item.operation, Object.keys(item.after ?? {}).sort()]);
    groups.set(signature, [...(groups.get(signature) ?? []), item]);
  }
  return [...groups.values()].map((group) => statementOf(comparison, side, group));
}

/** One of the rows; a name that no column of the table has, so that the table's own columns need no qualifying. */
const JSON_ROW = '"trueup:item"."trueup:json"';

function statementOf(comparison: Comparison, side: Side, group: readonly PlanItem[]): CorrectionStatement {
  const types = new Map(comparison.targetColumns.map((column) => [column.name, column.type]));
  const columns = Object.keys(group[0]?.after ?? {});
  // Casting to the type without its modifier leaves it to the assignment to refuse a value that is too long.
  const values = columns.map(
    (name) => `(${JSON_ROW} -> 'after' ->> ${quoteLiteral(name)})::${types.get(name) ?? 'text'}`,
  );
  const names = columns.map(quoteIdentifier);
  const rows = group.map((item) => ({ key: keyValues(comparison, item.key), after: item.after }));
  const from = `jsonb_array_elements($1::jsonb) as "trueup:item"("trueup:json")`;
  const match = side.key
    .map((column, i) => `${column.equal} = (${JSON_ROW} -> 'key' ->> ${i})::${column.boundType}`)
    .join(' and ');
  switch (group[0]?.operation) {
    case 'insert':
      return {
        text: `insert into ${side.relation} (${names.join(', ')}) overriding system value
               select ${values.join(', ')} from ${from}`,
        rows,
      };
    case 'update':
      return {
        text: `update ${side.relation} as "trueup:row" set ${names.map((name, i) => `${name} = ${values[i] ?? 'null'}`).join(', ')}
                 from ${from} where ${match}`,
        rows,
      };
    case 'delete':
      return { text: `delete from ${side.relation} as "trueup:row" using ${from} where ${match}`, rows };
    case undefined:
      throw new RangeError('a group of corrections is empty');
  }
}
