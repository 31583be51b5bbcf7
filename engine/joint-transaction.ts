import type { Comparison } from '../contracts/comparison';
import type { PlanItem } from '../contracts/plan-item';
import type { TextRow } from '../contracts/finding';
import type { Database, Queryable } from '../database/connection';
import { DatabaseFailure } from '../database/failure';
import type { Counters } from '../database/change-counters';
import type { TableShape } from '../database/table-shape';
import type { ApplyContext, CorrectionOutcome } from './apply-context';
import { withDefaultPath } from './default-path';
import { applyEffects, confirmEffects } from './effect-apply';
import { checkEffects, type Company } from './effect-check';
import { checkFreshness } from './freshness';
import { keysInto, valueAfter } from './joined';
import { byTable, jointOrder, type JointStep, type JointTies, type Releases } from './joint-order';
import { keyDigest, keyText, keyValues } from './key';
import { checkKeyChanges, confirmKeyChanges } from './key-change';
import { parkedValues } from './parked-value';
import { confirmWritten } from './read-back';
import { readRows, type RowsByKey } from './row';
import { RowsRefused } from './rows-refused';
import { NothingBeside } from './side-effects';
import { correctionStatements, type CorrectionStatement } from './statement';

/** A table that some of the corrections are of. */
export interface JointTable {
  readonly context: ApplyContext;
  readonly ties: JointTies;
  readonly shape: TableShape;
}

export interface JointContext {
  readonly runId: string;
  readonly target: Database;
  readonly tables: ReadonlyMap<string, JointTable>;
}

/** One transaction that makes corrections of several tables. */
export class Joint {
  readonly #before = new Map<string, RowsByKey>();
  readonly #source = new Map<string, RowsByKey>();
  readonly #written = new Set<string>();
  readonly #beside: NothingBeside;

  constructor(
    readonly session: Queryable,
    readonly context: JointContext,
    readonly items: readonly PlanItem[],
    counters: Counters,
  ) {
    const [first] = items;
    const terms = first && context.tables.get(first.table)?.context.sideEffects;
    this.#beside = new NothingBeside(counters, terms);
  }

  async done(): Promise<ReadonlySet<string>> {
    const [first] = this.items;
    if (!first) return new Set();
    return this.#table(first.table).context.markers.done(
      this.session,
      this.items.map(({ seq }) => seq),
    );
  }

  /** Locks all rows; returns an outcome for each that no longer fits. */
  async checkFreshness(items: readonly PlanItem[]): Promise<readonly CorrectionOutcome[]> {
    const stale: CorrectionOutcome[] = [];
    for (const [name, of] of this.#byTable(items)) {
      const checked = await checkFreshness(this.session, this.#table(name).context, of);
      this.#before.set(name, checked.target);
      this.#source.set(name, checked.source);
      stale.push(...checked.stale);
    }
    return stale;
  }

  /** Throws RowsRefused of updates by which the database would change rows that are not corrected here. */
  async checkKeyChanges(items: readonly PlanItem[]): Promise<void> {
    const idOf = (table: string, digest: string) => JSON.stringify([table, digest]);
    const corrected = new Map(
      items.map((item) => {
        const { comparison } = this.#table(item.table).context;
        return [idOf(item.table, keyDigest(keyValues(comparison, item.key))), item];
      }),
    );
    const refused = new Map<string, string>();
    for (const [name, of] of this.#byTable(items.filter(({ operation }) => operation === 'update'))) {
      const found = await checkKeyChanges(this.session, this.#table(name).context, of, (effect, columns) => {
        const item = corrected.get(idOf(effect.table, effect.keyDigest));
        if (!item) return false;
        return item.operation === 'delete' || columns.every((column) => column in (item.after ?? {}));
      });
      for (const [seq, error] of found) refused.set(seq, error);
    }
    if (refused.size > 0) throw new RowsRefused(refused);
  }

  async apply(items: readonly PlanItem[]): Promise<void> {
    const order = jointOrder(items, (table) => this.#table(table).ties);
    await this.session.query('set constraints all deferred');
    const parked = await this.#release(items, order.releases);
    await this.#delete(order.deletesFirst, items);
    for (const step of order.keyChanges) await this.#write(step);
    for (const step of order.inserts)
      await this.#write({ ...step, items: step.items.map((item) => without(item, order.late)) });
    for (const step of order.updates) await this.#write(step);
    const late = updatesOf(items, order.late, (item, name) => item.after?.[name] ?? null);
    await this.#write(...late);
    await this.#delete(order.deletesLast, items);
    await withDefaultPath(this.session, () => this.session.query('set constraints all immediate'));
    for (const [name, of] of this.#byTable(items)) await this.#record(name, of, parked);
    // What refers to rows that are corrected here the database may change as well, which is corrected here, too.
    const isHandedOn = order.keyChanges.length + order.deletesFirst.length + order.deletesLast.length > 0;
    for (const [name, of] of isHandedOn ? this.#byTable(items) : []) {
      this.#beside.expect(this.#table(name).context.comparison.pair, 'update', 0, of.length);
    }
    await this.#beside.confirm(this.session);
  }

  #table(name: string): JointTable {
    const table = this.context.tables.get(name);
    if (!table) throw new RangeError('a joint correction of a table that was not looked up');
    return table;
  }

  #byTable(items: readonly PlanItem[]): ReadonlyMap<string, readonly PlanItem[]> {
    const tables = new Map<string, PlanItem[]>();
    for (const item of items) tables.set(item.table, [...(tables.get(item.table) ?? []), item]);
    return tables;
  }

  async #write(...steps: readonly JointStep[]): Promise<void> {
    for (const { table, items } of steps) {
      const { comparison, sides } = this.#table(table).context;
      const statements = correctionStatements(comparison, sides.target, items);
      if ((await this.#send(comparison, statements)) !== items.length) throw inTheWay(table);
      if (items[0]) this.#beside.expect(comparison.pair, items[0].operation, items.length);
    }
  }

  /** Returns how many rows were changed. */
  async #send(comparison: Comparison, statements: readonly CorrectionStatement[]): Promise<number> {
    let changed = 0;
    await withDefaultPath(
      this.session,
      async () => {
        for (const { text, rows } of statements) {
          changed += (await this.session.query(text, [JSON.stringify(rows)])).rowCount ?? 0;
        }
      },
      comparison,
    );
    return changed;
  }

  /** Takes values out of the way of others; returns those that must be gone at the end, by the item's `seq`. */
  async #release(items: readonly PlanItem[], releases: Releases): Promise<ReadonlyMap<string, TextRow>> {
    const values = new Map<string, Record<string, string | null>>();
    for (const [name, of] of this.#byTable(items)) {
      const { context, shape, ties } = this.#table(name);
      for (const column of shape.columns) {
        const released = of.filter(({ seq }) => releases.get(seq)?.has(column.name));
        const parking = released.filter(({ seq }) => releases.get(seq)?.get(column.name) === 'park');
        const places = await parkedValues(this.session, context.sides.target.relation, column, parking.length);
        if (parking.length > 0 && places === null) throw cannotPark(name, column.name, column.type, parking);
        const further = keysInto(ties).find(
          ({ parent, onUpdate }) => /[cnd]/.test(onUpdate) && parent.columns.includes(column.name),
        );
        if (released.length > 0 && further) {
          throw cannotPark(name, column.name, `referred to by ${further.name}`, released);
        }
        for (const item of released) {
          const place = places?.[parking.indexOf(item)] ?? null;
          values.set(item.seq, { ...values.get(item.seq), [column.name]: place });
        }
      }
    }
    const released = updatesOf(items, releases, ({ seq }, name) => values.get(seq)?.[name] ?? null);
    // What stands for another value for a moment is none of the source.
    await this.#write(...released.map((step) => ({ ...step, items: step.items.map(asGiven) })));
    return values;
  }

  async #delete(steps: readonly JointStep[], all: readonly PlanItem[]): Promise<void> {
    const deletes = all.filter(({ operation }) => operation === 'delete');
    const deleted = new Set(
      deletes.map(({ table, key }) =>
        JSON.stringify([table, keyDigest(keyValues(this.#table(table).context.comparison, key))]),
      ),
    );
    const company: Company = {
      isDeleted: (name, digest) => deleted.has(JSON.stringify([name, digest])),
      deletes: new Set(deletes.map(({ seq }) => seq)),
      written: this.#written,
    };
    for (const { table, items } of steps) {
      const { context } = this.#table(table);
      const seqs = items.map(({ seq }) => seq);
      const refused = await checkEffects(this.session, context, items, company);
      if (refused.size > 0) throw new RowsRefused(new Map([...refused].map(([seq, { error }]) => [seq, error])));
      await applyEffects(this.session, context, seqs, this.#beside, company);
      await this.#send(context.comparison, correctionStatements(context.comparison, context.sides.target, items));
      await confirmEffects(this.session, context, seqs);
      this.#beside.expect(context.comparison.pair, 'delete', items.length);
    }
  }

  /** Makes sure that every row is as it was to be, and writes the backups. */
  async #record(name: string, items: readonly PlanItem[], parked: ReadonlyMap<string, TextRow>): Promise<void> {
    const { comparison, sides, markers } = this.#table(name).context;
    const keys = items.map((item) => keyValues(comparison, item.key));
    const after = await readRows(this.session, comparison, sides.target, keys);
    const before: RowsByKey = this.#before.get(name) ?? new Map();
    const source: RowsByKey = this.#source.get(name) ?? new Map();
    for (const operation of ['insert', 'update', 'delete']) {
      const of = items.filter((item) => item.operation === operation);
      await confirmWritten(this.session, { comparison, side: sides.target, items: of, before, source, after });
      if (operation === 'update') confirmKeyChanges(this.#table(name).context, of, before, after);
    }
    const images = items.map(({ seq, operation, key }, i) => {
      const id = keyText(keys[i] ?? []);
      return { seq, operation, key, before: before.get(id)?.values ?? null, after: after.get(id)?.values ?? null };
    });
    const valueIn = (item: PlanItem | undefined, column: string) => item && valueAfter(item, column);
    // A value that stood in for another for a moment must not stay.
    const stays = images.some(({ seq, after: now }, i) =>
      Object.entries(parked.get(seq) ?? {}).some(
        ([column, value]) => now?.[column] === value && valueIn(items[i], column) !== value,
      ),
    );
    if (stays) throw inTheWay(name);
    await markers.add(this.session, images);
  }
}

/** An insert without the references that are set later. */
function without(item: PlanItem, late: Releases): PlanItem {
  const nothing = Object.fromEntries([...(late.get(item.seq)?.keys() ?? [])].map((name) => [name, null]));
  return { ...item, after: { ...item.after, ...nothing } };
}

function asGiven(item: PlanItem): PlanItem {
  return { ...item, given: Object.keys(item.after ?? {}) };
}

/** Updates of the columns that releases name. */
function updatesOf(
  items: readonly PlanItem[],
  releases: Releases,
  valueOf: (item: PlanItem, name: string) => string | null,
): readonly JointStep[] {
  const updates = items.flatMap((item): PlanItem[] => {
    const columns = [...(releases.get(item.seq)?.keys() ?? [])];
    if (columns.length === 0) return [];
    const after = Object.fromEntries(columns.map((name) => [name, valueOf(item, name)]));
    return [{ ...item, operation: 'update', after }];
  });
  return byTable(updates);
}

function inTheWay(table: string): DatabaseFailure {
  const why = `not every row of ${table} was changed as planned: a trigger, a rule or row security stands in the way`;
  return new DatabaseFailure('DATABASE_ERROR', why, 'P0001', why);
}

function cannotPark(table: string, column: string, why: string, items: readonly PlanItem[]): RowsRefused {
  const message = `rows of ${table} swap unique values of ${column}, which can hold no other meanwhile (${why})`;
  return new RowsRefused(new Map(items.map(({ seq }) => [seq, message])));
}
