import type { Comparison } from '../contracts/comparison';
import type { Operation } from '../contracts/correction';
import type { PlanItem } from '../contracts/plan-item';
import { quoteLiteral, quoteQualified } from '../database/identifier';
import { keyValues } from './key';
import { keyMatch, keyType } from './look-up';
import { ownValues } from './own-type';
import { sideSql, type SideSql } from './side';
import { correctionText, writtenForm } from './statement';

export { scriptChecks, scriptWanted } from './script-check';

/*
 * The statements of a plan as a script makes them by itself, without Trueup: its items stand in `pg_temp.trueup_item`
 * (`seq`, `root`, `statement`, `key`, `before`, `after`, `own`, `state`), and rows as they are in `pg_temp.trueup_row`.
 */

/** The SQL fragments by which a row of a side is found and read, for what looks at one without the engine's sessions. */
export const rowSql = sideSql;

/** The row as JSON, column to text form: what a before-image holds. */
function rowJson(side: SideSql): string {
  const names = side.columns.map(({ name }) => quoteLiteral(name));
  return `jsonb_object(array[${names.join(', ')}]::text[], array[${side.columns.map(({ text }) => text).join(', ')}])`;
}

/**
 * Locks the rows of the open items of a table and enters them in `pg_temp.trueup_row` as they are. Its parameter is the
 * roots whose items are meant, as `bigint[]`.
 */
function scriptReadText(comparison: Comparison): string {
  const side = sideSql(comparison, 'target');
  const items = `pg_temp.trueup_item as i join pg_temp.trueup_statement as s on s.id = i.statement
                where s.tab = ${quoteLiteral(comparison.pair.name)} and i.state = 'open' and i.root = any ($1)`;
  const joined = side.key.map((column, i) => keyMatch(column, `("trueup:key" ->> ${i})::${keyType(column)}`));
  const byIndex = side.key.flatMap(({ own, spelled }, i) => {
    if (own === null || spelled !== null) return [];
    const values = `select (i.own ->> ${i})::${own.type} from ${items} and i.own ->> ${i} is not null`;
    return [`${own.column} = any (array(${values}))`];
  });
  return `insert into pg_temp.trueup_row (seq, place, at, held)
select "trueup:seq", ${side.table}.tableoid, ${side.table}.ctid,
       ${rowJson(side)}
  from (select i.seq as "trueup:seq", i.key as "trueup:key"
          from ${items}) as "trueup:wanted"
       join ${side.relation} on ${joined.join(' and ')}
${byIndex.length === 0 ? '' : ` where ${byIndex.join('\n   and ')}\n`} order by ${side.key.map((column) => column.equal).join(', ')} for update of ${side.table}`;
}

/**
 * Makes the open items of one statement. Its parameters: the roots whose items are meant, the first and the last `seq`, and
 * whether roots are meant or what goes with them.
 */
export function scriptChangeText(
  comparison: Comparison,
  id: number,
  item: Pick<PlanItem, 'operation' | 'after' | 'checkSource' | 'given'>,
): string {
  const items = `(select jsonb_build_object('key', i.key, 'after', i.after) from pg_temp.trueup_item as i
                  where i.statement = ${id} and i.state = 'open' and i.root = any ($1)
                    and i.seq between $2 and $3 and (i.seq = i.root) = $4)`;
  return correctionText(comparison, sideSql(comparison, 'target'), item, items);
}

/** The key of an item in the key's order, and in the forms by which the target's own index finds it; null: in none. */
export function scriptKey(comparison: Comparison, item: PlanItem) {
  const key = keyValues(comparison, item.key);
  const own = sideSql(comparison, 'target').key.map(
    (column, i) => (column.own && ownValues(column.own.type, [key[i] ?? null])[0]) ?? null,
  );
  return { key, own: own.some((value) => value !== null) ? own : null };
}

/** Which statement makes an item: the same for all of one table, one operation and one set of columns. */
export function scriptSignature(item: PlanItem): string {
  return JSON.stringify([item.table, item.operation, ...writtenForm(item)]);
}

/** What gives back an operation, and the columns that it writes; `written` are those that the operation wrote. */
export function scriptReverse(
  comparison: Comparison,
  operation: Operation,
  written: Iterable<string>,
): { readonly operation: Operation; readonly columns: readonly string[] } {
  switch (operation) {
    case 'insert':
      return { operation: 'delete', columns: [] };
    case 'update':
      return { operation, columns: [...written] };
    case 'delete': {
      const columns = comparison.targetColumns.filter(({ generated }) => !generated).map(({ name }) => name);
      return { operation: 'insert', columns };
    }
  }
}

/** A table as a script checks it before it begins and reads it: its name for SQL, and its columns with their types. */
export function scriptTable(comparison: Comparison) {
  const { pair, targetColumns } = comparison;
  return {
    name: pair.name,
    relation: quoteQualified(pair.target.schema, pair.target.table),
    columns: Object.fromEntries(targetColumns.map(({ name, type }) => [name, type])),
    read: scriptReadText(comparison),
  };
}
