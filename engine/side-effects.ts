import type { Operation } from '../contracts/correction';
import type { SideEffect } from '../contracts/side-effect';
import type { TablePair, TableRef } from '../contracts/table-pair';
import type { Queryable } from '../database/connection';
import { changesBetween, type Changed, type Counters } from '../database/change-counters';
import { DatabaseFailure } from '../database/failure';
import { readRelated } from '../database/relatives';
import { readTriggers } from '../database/trigger';

/** What holds for changes beside the plan on one target, and where those that are let pass are kept. */
export interface SideEffectTerms {
  /** The tables of the config on this connection: those of all table pairs, also of those that the run is not about. */
  readonly ofConfig: readonly TableRef[];
  /** Where backups and markers are: what is written there is Trueup's own. */
  readonly schema: string;
  /** Keeps what was changed in the transaction that changed it. */
  readonly record: (session: Queryable, effects: readonly SideEffect[]) => Promise<void>;
}

/** Rows were changed beside the plan that must not be. */
export class SideEffectFailure extends DatabaseFailure {
  /**
   * @param rows how many rows were changed beside the plan.
   * @param origin which tables, and by what: the same for each row that a trigger does the same to.
   */
  constructor(
    why: string,
    readonly rows: number,
    readonly origin: string,
  ) {
    super('DATABASE_ERROR', why, 'P0001', why);
  }
}

/** Rows of a table that the plan changes in a transaction. */
interface Expected {
  readonly ref: TableRef;
  inserted: number;
  updated: number;
  deleted: number;
  /** Updates beyond those that may be the database's own, of rows that are planned. */
  slack: number;
  readonly operations: Set<Operation>;
}

/**
 * Proves that a transaction changes the rows of its corrections and no others, by the server's own counters: they are
 * compared from `before` on, and nothing may be undone by a savepoint from there on.
 */
export class NothingBeside {
  readonly #expected = new Map<string, Expected>();
  readonly #pairs = new Map<string, TablePair>();

  constructor(
    readonly before: Counters,
    readonly terms: SideEffectTerms | undefined,
  ) {}

  /**
   * Says that rows of a pair's target are changed by the plan.
   *
   * @param slack updates more than those that may be the database's own, of rows that the plan changes as well.
   */
  expect(pair: TablePair, operation: Operation, rows: number, slack = 0): void {
    const id = JSON.stringify([pair.target.schema, pair.target.table]);
    const known = this.#expected.get(id);
    const expected = known ?? { ref: pair.target, ...NONE, slack: 0, operations: new Set<Operation>() };
    expected[COUNTED[operation]] += rows;
    expected.slack += slack;
    expected.operations.add(operation);
    this.#expected.set(id, expected);
    this.#pairs.set(pair.name, pair);
  }

  /**
   * Compares what was changed with what was said, and keeps what is let pass. To be called at the end, once no constraint
   * and no trigger waits for the commit.
   *
   * @throws SideEffectFailure naming the tables that were changed beside the plan, and the triggers that may have done it.
   */
  async confirm(session: Queryable): Promise<void> {
    const { terms } = this;
    if (!terms || this.#expected.size === 0) return;
    const changed = (await changesBetween(session, this.before)).filter(
      ({ schema, table }) => schema !== terms.schema || !OWN_TABLES.includes(table),
    );
    if (changed.every((one) => this.#isAsSaid(one))) return;
    const related = await readRelated(
      session,
      changed.map(({ oid }) => oid),
    );
    const isOf = (one: Changed, { schema, table }: Pick<TableRef, 'schema' | 'table'>) =>
      related.get(one.oid)?.some((found) => found.schema === schema && found.table === table) ?? false;
    const beside = besideOf(changed, [...this.#expected.values()], isOf);
    if (beside.length === 0) return;
    const policies = [...this.#pairs.values()].map(({ sideEffects }) => sideEffects ?? 'record');
    const allowed = policies.flatMap((policy) => (typeof policy === 'object' ? policy.allow : []));
    const wrong = beside.filter((one) => {
      if (allowed.some((ref) => isOf(one, ref))) return false;
      return policies.includes('forbid') || terms.ofConfig.some((ref) => isOf(one, ref));
    });
    if (wrong.length > 0) {
      const isForbidden = wrong.filter((one) => !terms.ofConfig.some((ref) => isOf(one, ref)));
      throw failure(wrong, isForbidden.length === wrong.length, await this.#triggers(session));
    }
    await terms.record(session, beside.map(toSideEffect));
  }

  /** Whether a table is the target of corrections itself, and as many of its rows are changed as they say. */
  #isAsSaid({ schema, table, isRewritten, inserted, updated, deleted }: Changed): boolean {
    const said = this.#expected.get(JSON.stringify([schema, table]));
    if (!said || isRewritten) return false;
    return inserted <= said.inserted && updated <= said.updated && deleted <= said.deleted;
  }

  /** The triggers that the corrections fire, each with its table. */
  async #triggers(session: Queryable): Promise<readonly string[]> {
    const names = new Set<string>();
    for (const { ref, operations } of this.#expected.values()) {
      for (const { name, operation } of await readTriggers(session, ref.schema, ref.table)) {
        if (operations.has(operation)) names.add(`${name} on ${ref.schema}.${ref.table}`);
      }
    }
    return [...names];
  }
}

const OWN_TABLES: readonly string[] = ['before_image', 'side_effect'];

const NONE = { inserted: 0, updated: 0, deleted: 0 };

const COUNTED = { insert: 'inserted', update: 'updated', delete: 'deleted' } as const satisfies Record<
  Operation,
  keyof typeof NONE
>;

/** What was changed beyond what was said: of a table of the plan what is too much, of others all. */
function besideOf(
  changed: readonly Changed[],
  expected: readonly Expected[],
  isOf: (one: Changed, ref: TableRef) => boolean,
): readonly Changed[] {
  const groups = new Map<Expected, { said: Expected[]; parts: Changed[] }>();
  for (const said of expected) groups.set(said, { said: [said], parts: [] });
  const beside: Changed[] = [];
  for (const one of changed) {
    const of = [...new Set(expected.filter(({ ref }) => isOf(one, ref)).map((said) => groups.get(said)))];
    const [group, ...others] = of.filter((found) => found !== undefined);
    if (!group || one.isRewritten) {
      beside.push(one);
      continue;
    }
    group.parts.push(one);
    // A row that lies in several of them, as one inherits from another, counts for all together.
    for (const other of others) {
      group.said.push(...other.said);
      group.parts.push(...other.parts);
      for (const said of other.said) groups.set(said, group);
    }
  }
  for (const { said, parts } of new Set(groups.values())) {
    const [first] = parts;
    if (!first) continue;
    const sum = (of: readonly Pick<Expected, keyof typeof NONE>[], name: keyof typeof NONE) =>
      of.reduce((total, one) => total + one[name], 0);
    const over = (name: keyof typeof NONE) => sum(parts, name) - sum(said, name);
    // A row that moves to another partition is counted as one deleted and one inserted, instead of one updated.
    const moved = Math.max(0, Math.min(over('inserted'), over('deleted'), -over('updated')));
    const slack = said.reduce((total, one) => total + one.slack, 0);
    const more = {
      inserted: Math.max(0, over('inserted') - moved),
      updated: Math.max(0, over('updated') - slack),
      deleted: Math.max(0, over('deleted') - moved),
    };
    if (more.inserted + more.updated + more.deleted > 0) beside.push({ ...first, ...more, ...nameOf(said, first) });
  }
  return beside;
}

/** Rows of a table in parts are said to be the table's. */
function nameOf([said]: readonly Expected[], first: Changed): Pick<Changed, 'schema' | 'table'> {
  return said ? { schema: said.ref.schema, table: said.ref.table } : first;
}

function toSideEffect({ schema, table, isRewritten, ...counts }: Changed): SideEffect {
  const { inserted, updated, deleted } = counts;
  const not = (n: number) => Math.max(0, n);
  return {
    schema,
    table,
    inserted: not(inserted),
    updated: not(updated),
    deleted: not(deleted),
    truncated: isRewritten || Math.min(inserted, updated, deleted) < 0,
  };
}

const MOST_NAMED = 5;

function failure(wrong: readonly Changed[], isForbidden: boolean, triggers: readonly string[]): SideEffectFailure {
  const effects = wrong.map(toSideEffect);
  const what = effects.map((effect) => {
    const counts = (['inserted', 'updated', 'deleted'] as const).filter((name) => effect[name] > 0);
    const parts = [...counts.map((name) => `${effect[name]} ${name}`), ...(effect.truncated ? ['truncated'] : [])];
    return `${effect.schema}.${effect.table} (${parts.join(', ')})`;
  });
  const by =
    triggers.length === 0
      ? 'a rule, or a trigger on another table'
      : `the trigger${triggers.length === 1 ? '' : 's'} ${triggers.slice(0, MOST_NAMED).join(', ')}`;
  const whose = isForbidden ? 'which sideEffects: forbid rules out' : 'which the config names';
  const todo = `Rows may be changed there beside the plan once sideEffects: { allow: [${effects.map(({ schema, table }) => `${schema}.${table}`).join(', ')}] } says so`;
  const why = `the correction also changed rows of ${what.join(' and ')}, ${whose}, beside the plan, by ${by}: it was rolled back. ${todo}`;
  const rows = effects.reduce((sum, { inserted, updated, deleted }) => sum + inserted + updated + deleted, 0);
  const origin = JSON.stringify([effects.map(({ schema, table }) => [schema, table]), by]);
  return new SideEffectFailure(why, rows, origin);
}
