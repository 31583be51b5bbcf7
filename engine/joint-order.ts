import type { PlanItem } from '../contracts/plan-item';
import type { ForeignKey } from '../database/foreign-key';
import { keysFrom, keysInto, rowAfter, rowBefore, valueAfter, valuesIn, type Ties } from './joined';

/** Corrections of one table and one operation that one statement makes. */
export interface JointStep {
  readonly table: string;
  readonly operation: PlanItem['operation'];
  readonly items: readonly PlanItem[];
}

/** What a row's column is given for the time being: NULL, or a value that no row has. */
export type Release = 'null' | 'park';

/** Columns that are given another value until the end, by the item's `seq`. */
export type Releases = ReadonlyMap<string, ReadonlyMap<string, Release>>;

export interface JointTies extends Ties {
  /** Columns that cannot hold NULL. */
  readonly notNull: ReadonlySet<string>;
}

export type TiesOf = (table: string) => JointTies;

/** How corrections that need each other are made in one transaction, statement by statement. */
export interface JointOrder {
  /** Of rows that are there: what is in the way of the others is taken out of it first. */
  readonly releases: Releases;
  /** Rows that hold a unique value that another one takes. */
  readonly deletesFirst: readonly JointStep[];
  /** Updates of what others refer to, which the database hands on to these: before they are given what is planned. */
  readonly keyChanges: readonly JointStep[];
  readonly inserts: readonly JointStep[];
  /** Of inserts: references that are NULL at first, and set when all rows are there. */
  readonly late: Releases;
  readonly updates: readonly JointStep[];
  readonly deletesLast: readonly JointStep[];
}

type RowOf = (item: PlanItem) => ReturnType<typeof rowBefore>;

const idOf = ({ parent }: ForeignKey, values: string) =>
  JSON.stringify([parent.schema, parent.table, parent.columns, values]);

/** The values by which others refer to a row, and those by which it refers to others. */
function references(item: PlanItem, ties: Ties, rowOf: RowOf) {
  const row = rowOf(item);
  const into = keysInto(ties).flatMap((key) => {
    const values = valuesIn(row, key.parent.columns);
    return values === null ? [] : [idOf(key, values)];
  });
  const from = keysFrom(ties).flatMap((key) => {
    const values = valuesIn(row, key.child.columns);
    return values === null ? [] : [{ key, id: idOf(key, values) }];
  });
  return { into, from };
}

/** The columns by which a reference may be NULL; none: it may not. */
function nullable({ child }: ForeignKey, ties: JointTies): readonly string[] {
  return child.columns.filter((name) => !ties.notNull.has(name));
}

interface Layers {
  readonly steps: readonly JointStep[];
  readonly releases: Releases;
}

/**
 * Orders items so that a row comes after all rows that it refers to. Where rows of several tables refer to each other in
 * a ring, a reference that may be NULL is given up for the time being.
 */
function parentsFirst(items: readonly PlanItem[], tiesOf: TiesOf, rowOf: RowOf): Layers {
  const owners = new Map<string, PlanItem[]>();
  const referring = new Map<PlanItem, ReturnType<typeof references>['from']>();
  for (const item of items) {
    const { into, from } = references(item, tiesOf(item.table), rowOf);
    for (const id of into) owners.set(id, [...(owners.get(id) ?? []), item]);
    referring.set(
      item,
      from.filter(({ key }) => !key.deferrable),
    );
  }
  const parentsOf = (item: PlanItem) =>
    (referring.get(item) ?? []).flatMap(({ key, id }) =>
      (owners.get(id) ?? []).filter((owner) => owner !== item).map((owner) => ({ key, owner })),
    );
  const free = layers(items, (item) => parentsOf(item).map(({ owner }) => owner));
  const rings = new Set(free.left);
  const mayWait = (item: PlanItem, key: ForeignKey, owner: PlanItem) =>
    // One statement takes all rows of a table, which may refer to each other as they like.
    rings.has(owner) && owner.table !== item.table && nullable(key, tiesOf(item.table)).length > 0;
  const releases = new Map<string, ReadonlyMap<string, Release>>();
  for (const item of rings) {
    const columns = parentsOf(item)
      .filter(({ key, owner }) => mayWait(item, key, owner))
      .flatMap(({ key }) => nullable(key, tiesOf(item.table)));
    if (columns.length > 0) releases.set(item.seq, new Map(columns.map((name) => [name, 'null'])));
  }
  const opened = layers(free.left, (item) =>
    parentsOf(item).flatMap(({ key, owner }) => (mayWait(item, key, owner) ? [] : [owner])),
  );
  return { steps: [...free.steps, ...opened.steps, ...byTable(opened.left)], releases };
}

/** Items in layers, each after all its parents; `left` are those that come after themselves. */
function layers(items: readonly PlanItem[], parentsOf: (item: PlanItem) => readonly PlanItem[]) {
  const among = new Set(items);
  const waiting = new Map<PlanItem, number>();
  const children = new Map<PlanItem, PlanItem[]>();
  for (const item of items) {
    const parents = new Set(parentsOf(item).filter((parent) => among.has(parent)));
    waiting.set(item, parents.size);
    for (const parent of parents) {
      const known = children.get(parent);
      if (known) known.push(item);
      else children.set(parent, [item]);
    }
  }
  const steps: JointStep[] = [];
  let layer = items.filter((item) => waiting.get(item) === 0);
  while (layer.length > 0) {
    steps.push(...byTable(layer));
    const next: PlanItem[] = [];
    for (const item of layer) {
      among.delete(item);
      for (const child of children.get(item) ?? []) {
        const left = (waiting.get(child) ?? 0) - 1;
        waiting.set(child, left);
        if (left === 0) next.push(child);
      }
    }
    layer = next;
  }
  return { steps, left: [...among] };
}

/** One step for each table and operation. */
export function byTable(items: readonly PlanItem[]): readonly JointStep[] {
  const steps = new Map<string, PlanItem[]>();
  for (const item of items) {
    const id = JSON.stringify([item.table, item.operation]);
    const of = steps.get(id);
    if (of) of.push(item);
    else steps.set(id, [item]);
  }
  return [...steps.values()].flatMap((of) =>
    of[0] ? [{ table: of[0].table, operation: of[0].operation, items: of }] : [],
  );
}

function merge(...all: readonly Releases[]): Releases {
  const merged = new Map<string, Map<string, Release>>();
  for (const releases of all) {
    for (const [seq, columns] of releases) {
      merged.set(seq, new Map([...(merged.get(seq) ?? []), ...columns]));
    }
  }
  return merged;
}

/** Unique values that items take, each with the items that take it. */
function takenValues(items: readonly PlanItem[], tiesOf: TiesOf): ReadonlyMap<string, readonly PlanItem[]> {
  const taken = new Map<string, PlanItem[]>();
  for (const item of items) {
    for (const id of uniqueIds(item, tiesOf(item.table), rowAfter)) taken.set(id, [...(taken.get(id) ?? []), item]);
  }
  return taken;
}

function uniqueIds(item: PlanItem, ties: Ties, rowOf: RowOf): readonly string[] {
  return ties.uniqueKeys.flatMap(({ name, columns, deferrable }) => {
    const values = deferrable ? null : valuesIn(rowOf(item), columns);
    return values === null ? [] : [JSON.stringify([ties.target.schema, ties.target.table, name, values])];
  });
}

/** Updates of rows whose unique value another item takes: a column of it is given up for the time being. */
function uniqueReleases(
  items: readonly PlanItem[],
  taken: ReadonlyMap<string, readonly PlanItem[]>,
  tiesOf: TiesOf,
): Releases {
  const releases = new Map<string, Map<string, Release>>();
  for (const item of items) {
    if (item.operation !== 'update') continue;
    const ties = tiesOf(item.table);
    for (const key of ties.uniqueKeys) {
      const [was] = uniqueIds(item, { ...ties, uniqueKeys: [key] }, rowBefore);
      const isTaken = was !== undefined && taken.get(was)?.some((other) => other !== item);
      const changing = key.columns.filter(
        (name) => valueAfter(item, name) !== undefined && valueAfter(item, name) !== item.before?.[name],
      );
      const empty = key.nullsDistinct ? changing.find((name) => !ties.notNull.has(name)) : undefined;
      const column = empty ?? changing[0];
      if (!isTaken || column === undefined) continue;
      const columns = releases.get(item.seq) ?? new Map<string, Release>();
      columns.set(column, empty === undefined ? 'park' : 'null');
      releases.set(item.seq, columns);
    }
  }
  return releases;
}

/** Updates of rows that refer to one that is deleted before them. */
function referenceReleases(items: readonly PlanItem[], deleted: readonly PlanItem[], tiesOf: TiesOf): Releases {
  const gone = new Set(deleted.flatMap((item) => references(item, tiesOf(item.table), rowBefore).into));
  const releases = new Map<string, ReadonlyMap<string, Release>>();
  for (const item of items) {
    if (item.operation !== 'update') continue;
    const ties = tiesOf(item.table);
    const columns = references(item, ties, rowBefore)
      .from.filter(({ key, id }) => gone.has(id) && !key.deferrable)
      .flatMap(({ key }) => nullable(key, ties))
      .filter((name) => item.after?.[name] !== undefined);
    if (columns.length > 0) releases.set(item.seq, new Map(columns.map((name) => [name, 'null'])));
  }
  return releases;
}

/** Whether an update changes what the database hands on to the rows that refer to it, and no reference of its own. */
function changesKey(item: PlanItem, ties: Ties): boolean {
  const changes = (name: string) =>
    valueAfter(item, name) !== undefined && valueAfter(item, name) !== item.before?.[name];
  return (
    keysInto(ties).some(({ onUpdate, parent }) => /[cnd]/.test(onUpdate) && parent.columns.some(changes)) &&
    !keysFrom(ties).some(({ child }) => child.columns.some(changes))
  );
}

export function jointOrder(items: readonly PlanItem[], tiesOf: TiesOf): JointOrder {
  const of = (operation: PlanItem['operation']) => items.filter((item) => item.operation === operation);
  const taken = takenValues(items, tiesOf);
  const isHolder = (item: PlanItem) => uniqueIds(item, tiesOf(item.table), rowBefore).some((id) => taken.has(id));
  const holders = of('delete').filter(isHolder);
  const first = parentsFirst(holders, tiesOf, rowBefore);
  const last = parentsFirst(
    of('delete').filter((item) => !holders.includes(item)),
    tiesOf,
    rowBefore,
  );
  const inserts = parentsFirst(of('insert'), tiesOf, rowAfter);
  const keyChanges = of('update').filter((item) => changesKey(item, tiesOf(item.table)));
  return {
    releases: merge(
      uniqueReleases(items, taken, tiesOf),
      referenceReleases(items, holders, tiesOf),
      first.releases,
      last.releases,
    ),
    deletesFirst: [...first.steps].reverse(),
    keyChanges: byTable(keyChanges),
    inserts: inserts.steps,
    late: inserts.releases,
    updates: byTable(of('update').filter((item) => !keyChanges.includes(item))),
    deletesLast: [...last.steps].reverse(),
  };
}
