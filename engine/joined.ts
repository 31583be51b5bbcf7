import type { TextRow } from '../contracts/finding';
import type { PlanItem } from '../contracts/plan-item';
import type { TableRef } from '../contracts/table-pair';
import type { ForeignKey, KeyEnd } from '../database/foreign-key';
import type { UniqueKey } from '../database/unique-key';

/** What ties the rows of a table to each other and to those of others. */
export interface Ties {
  readonly target: TableRef;
  readonly uniqueKeys: readonly UniqueKey[];
  /** All of the database. */
  readonly foreignKeys: readonly ForeignKey[];
}

/** The target row before a correction, and after it; null: none. */
export function rowBefore(item: PlanItem): TextRow | null {
  return item.before;
}

/** The value that a correction gives a column, in the form in which the target has it; undefined: it gives none. */
export function valueAfter({ after, becomes }: PlanItem, name: string): string | null | undefined {
  return (becomes ?? after)?.[name];
}

export function rowAfter(item: PlanItem): TextRow | null {
  return item.operation === 'delete' ? null : { ...(item.before ?? {}), ...(item.becomes ?? item.after ?? {}) };
}

/** Some columns of a row as one text; null where one of them is NULL, and no row. */
export function valuesIn(row: TextRow | null, columns: readonly string[]): string | null {
  const values = columns.map((name) => row?.[name] ?? null);
  return values.includes(null) ? null : JSON.stringify(values);
}

const isAt = (end: KeyEnd, { schema, table }: TableRef) => end.schema === schema && end.table === table;

export function keysFrom({ target, foreignKeys }: Ties): readonly ForeignKey[] {
  return foreignKeys.filter(({ child }) => isAt(child, target));
}

export function keysInto({ target, foreignKeys }: Ties): readonly ForeignKey[] {
  return foreignKeys.filter(({ parent }) => isAt(parent, target));
}

/** What an item shares with others: a value that is referred to, which only a parent makes a tie, or a unique value. */
function tokensOf(item: PlanItem, ties: Ties): readonly { readonly id: string; readonly isTie: boolean }[] {
  const { schema, table } = ties.target;
  const rows = [rowBefore(item), rowAfter(item)];
  const token = (kind: string, end: Omit<KeyEnd, 'columns'>, columns: readonly string[], from: readonly string[]) =>
    rows.flatMap((row) => {
      const values = valuesIn(row, from);
      return values === null ? [] : [JSON.stringify([kind, end.schema, end.table, columns, values])];
    });
  return [
    ...ties.uniqueKeys
      .flatMap(({ columns }) => token('unique', { schema, table }, columns, columns))
      .map((id) => ({ id, isTie: true })),
    ...keysFrom(ties)
      .flatMap(({ parent, child }) => token('key', parent, parent.columns, child.columns))
      .map((id) => ({ id, isTie: false })),
    ...keysInto(ties)
      .flatMap(({ parent }) => token('key', parent, parent.columns, parent.columns))
      .map((id) => ({ id, isTie: true })),
  ];
}

/**
 * Groups corrections that may need each other: one refers to a row that another one makes or deletes, or takes a unique
 * value that another one gives up. Each item is in one group, in the order given.
 *
 * @param tied further ties: the `seq`s of items that are made together or not at all.
 */
export function joinItems(
  items: readonly PlanItem[],
  tiesOf: (item: PlanItem) => Ties,
  tied: readonly (readonly string[])[] = [],
): readonly (readonly PlanItem[])[] {
  const leader = items.map((_, i) => i);
  const find = (i: number): number => {
    let at = i;
    while (leader[at] !== at) {
      leader[at] = leader[leader[at] ?? at] ?? at;
      at = leader[at] ?? at;
    }
    return at;
  };
  const shared = new Map<string, { readonly members: number[]; tied: boolean }>();
  items.forEach((item, i) => {
    for (const { id, isTie } of tokensOf(item, tiesOf(item))) {
      const known = shared.get(id) ?? { members: [], tied: false };
      known.members.push(i);
      known.tied ||= isTie;
      shared.set(id, known);
    }
  });
  const join = ([first, ...others]: readonly number[]) => {
    if (first === undefined) return;
    for (const other of others) leader[find(other)] = find(first);
  };
  for (const { members, tied: isTied } of shared.values()) if (isTied) join(members);
  const places = new Map(items.map(({ seq }, i) => [seq, i]));
  for (const seqs of tied) join(seqs.flatMap((seq) => places.get(seq) ?? []));
  const groups = new Map<number, PlanItem[]>();
  items.forEach((item, i) => {
    const group = groups.get(find(i));
    if (group) group.push(item);
    else groups.set(find(i), [item]);
  });
  return [...groups.values()];
}
