import type { Operation } from '../../contracts/correction';
import type { PlanItem } from '../../contracts/plan-item';
import type { TestDatabase, TextRow } from './database';
import { nameOf, type GeneratedCorrections } from './generated-corrections';

/** Every row of every table, by table and `id`. */
export type Snapshot = ReadonlyMap<string, ReadonlyMap<string, TextRow>>;

export async function snapshotOf(database: TestDatabase, tables: readonly string[]): Promise<Snapshot> {
  const snapshot = new Map<string, ReadonlyMap<string, TextRow>>();
  for (const table of tables) {
    const rows = await database.query(`select * from ${table} order by id`);
    snapshot.set(table, new Map(rows.map((row) => [row['id'] ?? '', row])));
  }
  return snapshot;
}

/** An entry of the correction log. */
export interface Outcome {
  readonly seq: string;
  readonly status: string;
  readonly error: string | null;
}

export interface Image {
  readonly seq: string;
  readonly before: TextRow | null;
  readonly after: TextRow | null;
}

export interface Applied {
  readonly items: readonly PlanItem[];
  readonly outcomes: readonly Outcome[];
  readonly images: readonly Image[];
  /** The target when the plan was made, right before it was applied, and after. */
  readonly planned: Snapshot;
  readonly before: Snapshot;
  readonly after: Snapshot;
  /** The source when the plan was made, and when it was applied; null: it is not asked. */
  readonly source: { readonly planned: Snapshot; readonly now: Snapshot } | null;
}

const tableOf = ({ table }: PlanItem) => table.replace(/^public\./, '');
const idOf = ({ key }: PlanItem) => key['id'] ?? '';
export const rowNameOf = (item: PlanItem): string => `${tableOf(item)} ${idOf(item)}`;
const nameOfItem = (item: PlanItem) => `${item.operation} ${tableOf(item)} ${idOf(item)}`;
const rowIn = (snapshot: Snapshot, item: PlanItem) => snapshot.get(tableOf(item))?.get(idOf(item)) ?? null;
const textOf = (row: TextRow | null | undefined) =>
  JSON.stringify(row ? Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)) : null);
/** Without what the database computes. */
const given = (row: TextRow | null) =>
  textOf(row && Object.fromEntries(Object.entries(row).filter(([name]) => name !== 'g')));
const same = (a: TextRow | null, b: TextRow | null) => given(a) === given(b);

/**
 * What is wrong with a plan, from the rows of both sides when it was made: each difference whose policy lets it be corrected
 * is one item, and what is no difference is what the database would do by itself because of one.
 */
export function faultsOfPlan(
  { tables }: GeneratedCorrections,
  items: readonly PlanItem[],
  { source, target }: { readonly source: Snapshot; readonly target: Snapshot },
): readonly string[] {
  const faults: string[] = [];
  const left = new Map(items.map((item) => [nameOfItem(item), item]));
  if (left.size < items.length) faults.push('the plan has an item twice');
  const rows = items.map((item) => `${tableOf(item)} ${idOf(item)}`);
  if (new Set(rows).size < rows.length) faults.push('the plan has a row twice');
  for (const [i, { compared, policy }] of tables.entries()) {
    if (!compared) continue;
    const table = nameOf(i);
    const [sources, targets] = [source.get(table), target.get(table)];
    for (const id of new Set([...(sources?.keys() ?? []), ...(targets?.keys() ?? [])])) {
      const [s, t] = [sources?.get(id) ?? null, targets?.get(id) ?? null];
      if (same(s, t)) continue;
      const [kind, operation] =
        t === null
          ? (['missing', 'insert'] as const)
          : s === null
            ? (['extra', 'delete'] as const)
            : (['mismatched', 'update'] as const);
      if (policy[kind] !== 'auto' && policy[kind] !== 'approve') continue;
      const name = `${operation} ${table} ${id}`;
      const item = left.get(name);
      left.delete(name);
      if (!item) faults.push(`not planned: ${name}`);
      else if (policy[kind] === 'approve' && !item.needsApproval) faults.push(`needs no approval: ${name}`);
      else if (item.needsApproval && policy[kind] === 'auto' && operation !== 'delete')
        faults.push(`needs approval: ${name}`);
    }
  }
  const bySeq = new Map(items.map((item) => [item.seq, item]));
  for (const item of left.values()) {
    const cause = bySeq.get(item.effectOf ?? '');
    if (cause?.operation !== 'delete' || cause.effectOf !== undefined)
      faults.push(`no difference: ${nameOfItem(item)}`);
  }
  for (const item of items) {
    if (!same(item.before, rowIn(target, item))) faults.push(`planned for another row: ${nameOfItem(item)}`);
    if (item.effectOf === undefined) continue;
    const cause = bySeq.get(item.effectOf);
    if (cause?.needsApproval !== item.needsApproval) faults.push(`approved without its cause: ${nameOfItem(item)}`);
    const gone = items.filter(
      (other) => other.operation === 'delete' && (other.effectOf ?? other.seq) === item.effectOf,
    );
    const references = tables[Number(tableOf(item).slice(1))]?.references ?? [];
    const refers = references.some(
      ({ to, onDelete }, r) =>
        (item.operation === 'delete') === (onDelete === 'cascade') &&
        gone.some((parent) => tableOf(parent) === nameOf(to) && idOf(parent) === item.before?.[`r${r}`]),
    );
    if (!refers) faults.push(`not what the database would do: ${nameOfItem(item)}`);
  }
  return faults;
}

/** The items that an approval of a part does not cover, by their `seq`. */
export function leftOutBy(
  approved: NonNullable<GeneratedCorrections['approved']>,
  items: readonly PlanItem[],
): ReadonlySet<string> {
  const isIn = (list: readonly string[] | null, value: string) => list === null || list.includes(value);
  const covered = (item: PlanItem): boolean => {
    const cause = items.find(({ seq }) => seq === item.effectOf) ?? item;
    return isIn(approved.tables, tableOf(cause)) && isIn(approved.operations, cause.operation);
  };
  return new Set(items.filter((item) => item.needsApproval && !covered(item)).map(({ seq }) => seq));
}

/**
 * What is wrong with what became of a plan: each item to apply has one entry, each success one backup of exactly its row,
 * the target is what it was but for the successes, and nothing was done, or left undone, against the rules of stale rows.
 */
export function faultsOf(applied: Applied, leftOut: ReadonlySet<string>): readonly string[] {
  const { items, outcomes, images, before, after } = applied;
  const faults: string[] = [];
  const attempted = items.filter(({ seq }) => !leftOut.has(seq));
  const statusOf = new Map(outcomes.map(({ seq, status }) => [seq, status]));
  const imageOf = new Map(images.map((image) => [image.seq, image]));
  const sorted = (seqs: readonly string[]) => [...seqs].sort().join();
  if (sorted(outcomes.map(({ seq }) => seq)) !== sorted(attempted.map(({ seq }) => seq))) {
    faults.push(`entries: ${outcomes.length} for ${attempted.length} items`);
  }
  const successes = attempted.filter(({ seq }) => statusOf.get(seq) === 'SUCCESS');
  if (sorted(images.map(({ seq }) => seq)) !== sorted(successes.map(({ seq }) => seq))) {
    faults.push(`backups: ${images.length} for ${successes.length} successes`);
  }
  for (const item of successes) {
    const image = imageOf.get(item.seq);
    if (textOf(image?.before) !== textOf(rowIn(before, item))) {
      faults.push(`backup before: ${nameOfItem(item)}: ${JSON.stringify(image?.before)}`);
    }
    if (textOf(image?.after) !== textOf(rowIn(after, item))) {
      faults.push(`backup after: ${nameOfItem(item)}: ${JSON.stringify(image?.after)}`);
    }
  }
  faults.push(...faultsOfRows(before, after, successes), ...faultsOfStale(applied, attempted, statusOf));
  return faults;
}

function faultsOfRows(before: Snapshot, after: Snapshot, successes: readonly PlanItem[]): readonly string[] {
  const faults: string[] = [];
  for (const [table, rows] of before) {
    const wanted = new Map<string, TextRow>(rows);
    for (const item of successes.filter((of) => tableOf(of) === table)) {
      if (item.operation === 'delete') wanted.delete(idOf(item));
      else wanted.set(idOf(item), { ...(rows.get(idOf(item)) ?? {}), ...item.after });
    }
    const found = after.get(table) ?? new Map<string, TextRow>();
    for (const id of new Set([...wanted.keys(), ...found.keys()])) {
      const [want, is] = [wanted.get(id) ?? null, found.get(id) ?? null];
      const text = (row: TextRow | null) =>
        textOf(row && Object.fromEntries(Object.entries(row).filter(([name]) => name !== 'g')));
      if (text(want) !== text(is)) faults.push(`row ${table} ${id}: ${text(is)} rather than ${text(want)}`);
    }
  }
  return faults;
}

function faultsOfStale(
  { items, planned, before, source }: Applied,
  attempted: readonly PlanItem[],
  statusOf: ReadonlyMap<string, string>,
): readonly string[] {
  const isStale = (item: PlanItem): boolean =>
    !same(rowIn(planned, item), rowIn(before, item)) ||
    (source !== null && item.checkSource && !same(rowIn(source.planned, item), rowIn(source.now, item)));
  const faults: string[] = [];
  for (const item of attempted.filter(({ effectOf }) => effectOf === undefined)) {
    const group = items.filter(({ seq, effectOf }) => seq === item.seq || effectOf === item.seq);
    const statuses = new Set(group.map(({ seq }) => statusOf.get(seq) ?? 'none'));
    const status = statusOf.get(item.seq) ?? 'none';
    if (statuses.size > 1) faults.push(`done in part: ${nameOfItem(item)}: ${[...statuses].join()}`);
    const allowed = isStale(item)
      ? ['SKIPPED_STALE']
      : group.some(isStale)
        ? ['SKIPPED_STALE', 'FAILED']
        : ['SUCCESS', 'FAILED'];
    if (!allowed.includes(status)) faults.push(`${status} rather than ${allowed.join(' or ')}: ${nameOfItem(item)}`);
  }
  return faults;
}

/** Which rows an undo gives back, and which it has to leave because they were changed since; as `table id`. */
export function wantedUndo(
  { items, images }: Applied,
  now: Snapshot,
): { readonly undone: ReadonlySet<string>; readonly refused: ReadonlySet<string> } {
  const [undone, refused] = [new Set<string>(), new Set<string>()];
  for (const { seq, before, after } of images) {
    const item = items.find((of) => of.seq === seq);
    if (!item) continue;
    const row = textOf(rowIn(now, item));
    if (row === textOf(before)) continue;
    (row === textOf(after) ? undone : refused).add(rowNameOf(item));
  }
  return { undone, refused };
}

/** A snapshot as it can be compared as text. */
export function asLists(snapshot: Snapshot) {
  return [...snapshot].map(([table, rows]) => [table, [...rows.values()]]);
}

const assignment = (row: TextRow | null) => Object.entries(row ?? {}).filter(([name]) => name !== 'g');
const literal = (value: string | null) => (value === null ? 'null' : `'${value}'`);

function sqlOf(item: PlanItem): string {
  const values = assignment(item.after);
  const write: Readonly<Record<Operation, string>> = {
    insert: `insert into ${tableOf(item)} (${values.map(([name]) => name).join(', ')}) overriding system value
             values (${values.map(([, value]) => literal(value)).join(', ')})`,
    update: `update ${tableOf(item)} set ${values.map(([name, value]) => `${name} = ${literal(value)}`).join(', ')}
              where id = ${idOf(item)}`,
    delete: `delete from ${tableOf(item)} where id = ${idOf(item)}`,
  };
  return write[item.operation];
}

/**
 * Failures that nothing explains: the database would let the correction be made, by itself, on the target as it is at the
 * end, and would touch nothing beside what the plan says. Changes nothing.
 */
export async function unexplained(
  target: TestDatabase,
  { items, outcomes, after }: Pick<Applied, 'items' | 'outcomes' | 'after'>,
): Promise<readonly string[]> {
  const tables = [...after.keys()];
  const found: string[] = [];
  for (const { seq, error } of outcomes.filter(({ status }) => status === 'FAILED')) {
    const item = items.find((of) => of.seq === seq);
    if (!item || item.effectOf !== undefined) continue;
    const own = new Set(
      items.filter((of) => of.seq === seq || of.effectOf === seq).map((of) => `${tableOf(of)} ${idOf(of)}`),
    );
    await target.query('begin');
    try {
      await target.query(`${sqlOf(item)}; set constraints all immediate`);
      const now = await snapshotOf(target, tables);
      const touched = tables.flatMap((table) =>
        [...(after.get(table) ?? [])]
          .filter(([id, row]) => !same(row, now.get(table)?.get(id) ?? null) && !own.has(`${table} ${id}`))
          .map(([id]) => `${table} ${id}`),
      );
      if (touched.length === 0) found.push(`nothing stands in the way: ${nameOfItem(item)} (${error ?? ''})`);
    } catch {
      // The database refuses it, as it did.
    } finally {
      await target.query('rollback');
    }
  }
  return found;
}
