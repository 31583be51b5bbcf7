import type { NamedReference } from '../../contracts/check';
import type { Comparison } from '../../contracts/comparison';
import { TrueupError } from '../../contracts/errors';
import type { TablePair, TableRef } from '../../contracts/table-pair';
import type { Database } from '../../database/connection';
import { readForeignKeys, readRelatives, type ForeignKey, type KeyEnd } from '../../database/foreign-key';
import { readTableShape, type TableShape } from '../../database/table-shape';
import { pairColumns, type ColumnPair } from '../column-pair';
import type { Role } from '../side';
import { columnsOf, needColumn } from './column';
import type { ChildColumn, Parent, Reference } from './reference';

/** What references are looked for in. */
export interface Surroundings {
  readonly database: (connection: string, role: Role) => Database;
  /** Every table pair of the config. */
  readonly pairs: readonly TablePair[];
}

export interface FoundReferences {
  readonly references: readonly Reference[];
  /** References of the source that the target's rows cannot be held against, each with why. */
  readonly unchecked: readonly string[];
}

/**
 * What the rows of a table pair refer to: by the foreign keys of the target and of the source, and by the config. What
 * several of them say is one reference.
 *
 * @throws COLUMN_NOT_FOUND, CHECK_INVALID: a reference of the config cannot be.
 */
export async function findReferences(
  comparison: Comparison,
  named: readonly NamedReference[],
  around: Surroundings,
): Promise<FoundReferences> {
  const finder = await Finder.create(comparison.pair, around);
  for (const key of await finder.foreignKeys('target')) await finder.addOfTarget(key);
  for (const key of await finder.foreignKeys('source')) await finder.addOfSource(key);
  for (const reference of named) await finder.addNamed(reference);
  return finder.found();
}

/** A parent's columns by those of the child, both as the target has them. */
type Links = readonly { readonly child: ChildColumn; readonly parent: string; readonly equals: string | null }[];

interface Draft extends Omit<Reference, 'sourceParent' | 'isGuess' | 'matchFull'> {
  sourceParent: Parent | null;
  matchFull: boolean;
}

class Finder {
  readonly #drafts = new Map<string, Draft>();
  readonly #unchecked: string[] = [];
  readonly #shapes = new Map<string, Promise<TableShape | null>>();

  private constructor(
    private readonly pair: TablePair,
    private readonly around: Surroundings,
    private readonly target: TableShape,
    private readonly columns: ReadonlyMap<string, ColumnPair>,
  ) {}

  static async create(pair: TablePair, around: Surroundings): Promise<Finder> {
    const shapes = await Promise.all(
      (['source', 'target'] as const).map(async (role) => {
        const { connection, schema, table } = pair[role];
        const shape = await readTableShape(around.database(connection, role), schema, table);
        if (shape) return shape;
        throw new TrueupError(
          'TABLE_NOT_FOUND',
          `table ${pair.name}: connection ${connection} has no table ${schema}.${table}`,
        );
      }),
    );
    const [source, target] = shapes as [TableShape, TableShape];
    return new Finder(pair, around, target, columnsOf(pair, source, target));
  }

  /** Those whose child is the pair's table, or a table that it is a partition of. */
  async foreignKeys(role: Role): Promise<readonly ForeignKey[]> {
    const { connection, schema, table } = this.pair[role];
    const database = this.around.database(connection, role);
    const relatives = await readRelatives(database, schema, table);
    const all = await readForeignKeys(database);
    const ofAny = (tables: readonly Pick<KeyEnd, 'schema' | 'table'>[]) => {
      const names = tables.map((each) => JSON.stringify([each.schema, each.table]));
      return all.filter(({ child }) => names.includes(JSON.stringify([child.schema, child.table])));
    };
    for (const { child, parent } of ofAny(relatives.filter(({ kind }) => kind === 'within it'))) {
      const what = `${child.columns.join(', ')} → ${parent.schema}.${parent.table} of the ${role}`;
      this.#leave(what, `only ${child.schema}.${child.table}, a part of the table, has it`);
    }
    return ofAny([{ schema, table }, ...relatives.filter(({ kind }) => kind === 'partitioned by it')]);
  }

  async addOfTarget({ child, parent, equals, match }: ForeignKey): Promise<void> {
    const table: TableRef = { connection: this.pair.target.connection, schema: parent.schema, table: parent.table };
    const links = child.columns.map((name, i) => ({
      child: this.#child(name),
      parent: parent.columns[i] ?? '',
      equals: equals[i] ?? null,
    }));
    await this.#add(links, table, match === 'f', null, null);
  }

  async addOfSource({ child, parent, match }: ForeignKey): Promise<void> {
    const { connection } = this.pair.source;
    const ofSource: TableRef = { connection, schema: parent.schema, table: parent.table };
    const what = `${child.columns.join(', ')} → ${parent.schema}.${parent.table} of the source`;
    const pairs = child.columns.map((name) => this.columns.get(name));
    const lacking = child.columns.filter((_, i) => pairs[i] === undefined);
    if (lacking.length > 0) return this.#leave(what, `the target has no column ${lacking.join(', ')}`);
    const children = pairs.map((found) => this.#child(found?.target.name ?? ''));
    const sourceParent = await this.#parent(ofSource, 'source', parent.columns);
    const alike = this.around.pairs.filter(({ source }) => isSame(source, ofSource));
    const near = alike.filter(({ target }) => target.connection === this.pair.target.connection);
    const [parentPair, another] = near.length > 0 ? near : alike;
    if (another) return this.#leave(what, 'several table pairs have it as their source');
    if (!parentPair) {
      // A constraint of the target over the same columns says where the parents went.
      const known = [...this.#drafts.values()].filter(({ columns }) => sameNames(columns, children));
      if (known.length === 0) return this.#leave(what, 'no table pair has it as its source');
      for (const draft of known) {
        const order = draft.columns.map(({ name }) => children.findIndex((found) => found.name === name));
        draft.sourceParent ??= sourceParent && reordered(sourceParent, order);
        draft.matchFull ||= match === 'f';
      }
      return;
    }
    const mapped = await this.#mapped(parentPair);
    const parents = parent.columns.map((name) => mapped?.get(name));
    const unmapped = parent.columns.filter((_, i) => parents[i] === undefined);
    if (unmapped.length > 0) return this.#leave(what, `the target of ${parentPair.name} lacks ${unmapped.join(', ')}`);
    const links = children.map((found, i) => ({ child: found, parent: parents[i] ?? '', equals: null }));
    await this.#add(links, parentPair.target, match === 'f', sourceParent, parentPair);
  }

  async addNamed({ columns, parent, parentColumns }: NamedReference): Promise<void> {
    const { name: table } = this.pair;
    const check = `the reference to ${parent}`;
    const parentPair = this.around.pairs.find(({ name }) => name === parent);
    if (!parentPair) {
      const names = this.around.pairs.map(({ name }) => name).join(', ');
      throw new TrueupError('CHECK_INVALID', `table ${table}: ${check} leads to no table pair; there are ${names}`);
    }
    const children = columns.map((name) => this.#child(needColumn(this.columns, name, { table, check }).target.name));
    const mapped = await this.#mapped(parentPair);
    const shape = await this.#shape(parentPair.source, 'source');
    if (!mapped || !shape) {
      const { schema, table: missing } = parentPair.source;
      throw new TrueupError('TABLE_NOT_FOUND', `table ${table}: ${check}: ${schema}.${missing} is not on both sides`);
    }
    const names = parentColumns ?? parentPair.key ?? shape.primaryKey;
    if (names.length !== columns.length) {
      const found = names.length === 0 ? 'has no key: name its columns as parentColumns' : `is ${names.join(', ')}`;
      throw new TrueupError(
        'CHECK_INVALID',
        `table ${table}: ${check} names ${columns.join(', ')}, and what they name there ${found}`,
      );
    }
    const parents = names.map((name) => {
      const to = mapped.get(name);
      if (to !== undefined) return to;
      const allowed = [...mapped.keys()].join(', ');
      throw new TrueupError('COLUMN_NOT_FOUND', `table ${table}: ${check} names its column ${name}; it has ${allowed}`);
    });
    const links = children.map((child, i) => ({ child, parent: parents[i] ?? '', equals: null }));
    const sourceParent = await this.#parent(parentPair.source, 'source', names);
    await this.#add(links, parentPair.target, false, sourceParent, parentPair);
  }

  async found(): Promise<FoundReferences> {
    const references: Reference[] = [];
    for (const draft of this.#drafts.values()) {
      const { schema, table } = draft.parent.table;
      // Where nothing says where the source keeps them, a table of the same name is taken for it.
      const sameName = { connection: this.pair.source.connection, schema, table };
      const names = draft.parent.columns.map(({ name }) => name);
      references.push({
        ...draft,
        sourceParent: draft.sourceParent ?? (await this.#parent(sameName, 'source', names)),
        isGuess: draft.sourceParent === null,
      });
    }
    return { references, unchecked: this.#unchecked };
  }

  #leave(what: string, why: string): void {
    this.#unchecked.push(`${what} (${why})`);
  }

  async #add(
    given: Links,
    table: TableRef,
    matchFull: boolean,
    sourceParent: Parent | null,
    known: TablePair | null,
  ): Promise<void> {
    const links = given
      .map((link, i) => ({ ...link, i }))
      .sort((a, b) =>
        a.child.name === b.child.name ? compare(a.parent, b.parent) : compare(a.child.name, b.child.name),
      );
    const place = [table.connection, table.schema, table.table];
    const id = JSON.stringify([place, links.map(({ child, parent }) => [child.name, parent])]);
    const parentPairs = known ? [known] : this.around.pairs.filter(({ target }) => isSame(target, table));
    const parentPair = parentPairs.length === 1 ? parentPairs[0] : undefined;
    const names = links.map(({ parent }) => parent);
    const ofSource = sourceParent
      ? reordered(
          sourceParent,
          links.map(({ i }) => i),
        )
      : parentPair && (await this.#parentOf(parentPair, names));
    const draft = this.#drafts.get(id);
    if (draft) {
      draft.sourceParent ??= ofSource ?? null;
      draft.matchFull ||= matchFull;
      return;
    }
    const parent = await this.#parent(table, 'target', names);
    if (!parent) {
      const { schema, table: name } = table;
      throw new TrueupError(
        'TABLE_NOT_FOUND',
        `table ${this.pair.name}: connection ${table.connection} has no table ${schema}.${name} with ${names.join(', ')}`,
      );
    }
    const equals = links.flatMap((link) => link.equals ?? []);
    this.#drafts.set(id, {
      id,
      label: `${links.map(({ child }) => child.name).join(', ')} → ${parentPair?.name ?? `${table.schema}.${table.table}`} (${names.join(', ')})`,
      columns: links.map(({ child }) => child),
      parent,
      sourceParent: ofSource ?? null,
      matchFull,
      equals: equals.length === links.length ? equals : null,
    });
  }

  #child(name: string): ChildColumn {
    const shape = this.target.columns.find((column) => column.name === name);
    if (!shape) throw new TrueupError('COLUMN_NOT_FOUND', `table ${this.pair.name}: the target has no column ${name}`);
    const { baseType, category, labels } = shape;
    const pair = [...this.columns.values()].find(({ target }) => target.name === name) ?? null;
    return { name, baseType, category, labels, pair };
  }

  /** The source of a pair, by columns of its target. */
  async #parentOf(pair: TablePair, names: readonly string[]): Promise<Parent | null> {
    const mapped = [...((await this.#mapped(pair)) ?? [])];
    const ofSource = names.flatMap((name) => mapped.find(([, target]) => target === name)?.[0] ?? []);
    return ofSource.length === names.length ? this.#parent(pair.source, 'source', ofSource) : null;
  }

  /** Columns of a pair by their source names; null: one of its tables is not there. */
  async #mapped(pair: TablePair): Promise<ReadonlyMap<string, string> | null> {
    const source = await this.#shape(pair.source, 'source');
    const target = await this.#shape(pair.target, 'target');
    if (!source || !target) return null;
    return new Map(pairColumns(pair, source, target).map((found) => [found.source.name, found.target.name]));
  }

  async #parent(table: TableRef, role: Role, names: readonly string[]): Promise<Parent | null> {
    const shape = await this.#shape(table, role);
    const columns = names.flatMap((name) => shape?.columns.find((column) => column.name === name) ?? []);
    if (columns.length !== names.length) return null;
    return { database: this.around.database(table.connection, role), table, columns };
  }

  #shape({ connection, schema, table }: TableRef, role: Role): Promise<TableShape | null> {
    const id = JSON.stringify([role, connection, schema, table]);
    const known = this.#shapes.get(id) ?? readTableShape(this.around.database(connection, role), schema, table);
    this.#shapes.set(id, known);
    return known;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isSame(a: TableRef, b: TableRef): boolean {
  return a.connection === b.connection && a.schema === b.schema && a.table === b.table;
}

function sameNames(a: readonly ChildColumn[], b: readonly ChildColumn[]): boolean {
  return a.length === b.length && a.every(({ name }) => b.some((other) => other.name === name));
}

function reordered({ columns, ...parent }: Parent, order: readonly number[]): Parent {
  return { ...parent, columns: order.flatMap((i) => columns[i] ?? []) };
}
