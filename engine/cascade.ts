import type { Comparison } from '../contracts/comparison';
import type { TableRef } from '../contracts/table-pair';
import type { Database, Queryable } from '../database/connection';
import { readForeignKeys, readRelatives, type ForeignKey } from '../database/foreign-key';
import { quoteIdentifier, quoteQualified } from '../database/identifier';
import { effectTables, type EffectTable, type NoEffects } from './effect-table';
import { keyText, type KeyValues } from './key';
import { keyMatch, wantedArrays } from './look-up';
import { alias, Parameters } from './range';
import type { Side } from './side';

const EFFECT: Readonly<Record<string, string>> = { c: 'delete', n: 'set to NULL', d: 'set to a default' };
const CHANGES = /[cnd]/;

/** A foreign key by which deleting a row, or changing its key, would delete or change rows that refer to it. */
export interface Cascade {
  readonly key: ForeignKey;
  /** Where those rows are; or why they cannot be planned for, so that there must be none. */
  readonly children: readonly EffectTable[] | NoEffects;
}

/** The table pairs of the run on a table of the target, or of its name. */
export type PairsOf = (ref: TableRef) => Promise<readonly Comparison[]>;

/** What the foreign keys of one target would do by themselves; each is looked up once. */
export class Cascades {
  #keys: Promise<readonly ForeignKey[]> | undefined;
  readonly #of = new Map<string, Promise<readonly Cascade[]>>();
  readonly #changes = new Map<string, Promise<readonly Cascade[]>>();

  /** The pairs of a table name the rows that they compare; other rows are named by their table. */
  constructor(
    readonly target: Database,
    readonly pairsOf: PairsOf = () => Promise.resolve([]),
  ) {}

  /** The foreign keys by which deleting a row of this table would touch others. */
  of(comparison: Comparison): Promise<readonly Cascade[]> {
    const { schema, table } = comparison.pair.target;
    const id = JSON.stringify([schema, table]);
    const known = this.#of.get(id) ?? this.#find(comparison);
    this.#of.set(id, known);
    return known;
  }

  /** The foreign keys by which changing what a row of this table is referred to by would change others. */
  changesOf(comparison: Comparison): Promise<readonly Cascade[]> {
    const { schema, table } = comparison.pair.target;
    const id = JSON.stringify([schema, table]);
    const known = this.#changes.get(id) ?? this.#findChanges(comparison);
    this.#changes.set(id, known);
    return known;
  }

  foreignKeys(): Promise<readonly ForeignKey[]> {
    return (this.#keys ??= readForeignKeys(this.target));
  }

  async #find({ pair }: Comparison): Promise<readonly Cascade[]> {
    const { connection, schema, table } = pair.target;
    const all = await this.foreignKeys();
    const relatives = await readRelatives(this.target, schema, table);
    const cascades: Cascade[] = [];
    for (const key of all.filter(({ onDelete }) => onDelete in EFFECT)) {
      const { parent } = key;
      const relative = relatives.find((found) => found.schema === parent.schema && found.table === parent.table);
      if (relative?.kind === 'within it') {
        cascades.push({ key, children: { why: 'it refers to a part of the table only', visible: true } });
      } else if (relative || (parent.schema === schema && parent.table === table)) {
        cascades.push({ key, children: await this.#children(key, key, connection) });
      }
    }
    return cascades;
  }

  async #findChanges({ pair }: Comparison): Promise<readonly Cascade[]> {
    const { connection, schema, table } = pair.target;
    const all = (await this.foreignKeys()).filter(({ onUpdate }) => CHANGES.test(onUpdate));
    if (all.length === 0) return [];
    const here = [{ schema, table }, ...(await readRelatives(this.target, schema, table))];
    const isHere = ({ parent }: ForeignKey) =>
      here.some((found) => found.schema === parent.schema && found.table === parent.table);
    const changes: Cascade[] = [];
    for (const key of all.filter(isHere)) {
      // A change sets all columns of a reference, whatever a delete sets.
      const setting = { ...key, onDelete: 'n', setColumns: key.child.columns };
      changes.push({ key, children: await this.#children(key, setting, connection) });
    }
    return changes;
  }

  async #children(key: ForeignKey, setting: ForeignKey, connection: string): Promise<Cascade['children']> {
    const ref = { connection, schema: key.child.schema, table: key.child.table };
    const children = await effectTables(this.target, ref, await this.pairsOf(ref));
    if ('why' in children) return children;
    return unfitFor(setting, children, await this.foreignKeys()) ?? children;
  }
}

/** The foreign keys by which deleting a row of this table would touch others, where no plan names any. */
export function cascadesOf(target: Database, comparison: Comparison): Promise<readonly Cascade[]> {
  return new Cascades(target, () => Promise.resolve([comparison])).of(comparison);
}

/** Why what a foreign key sets cannot be planned as a change of those rows; null: it can. */
function unfitFor(key: ForeignKey, children: readonly EffectTable[], all: readonly ForeignKey[]): NoEffects | null {
  if (key.onDelete === 'c') return null;
  const sets = (name: string) => key.setColumns.includes(name);
  if (children.some(({ comparison }) => comparison.key.some((column) => sets(column.target)))) {
    return { why: 'it would change their key', visible: true };
  }
  const further = all.find(
    ({ parent, onUpdate }) =>
      parent.schema === key.child.schema &&
      parent.table === key.child.table &&
      CHANGES.test(onUpdate) &&
      parent.columns.some(sets),
  );
  return further ? { why: `further rows would change by ${further.name}`, visible: true } : null;
}

/** What deleting a row would do to rows that nobody approved. */
export function unplanned({ onDelete, child, name }: ForeignKey, rows: number | string, why = ''): string {
  const effect = EFFECT[onDelete] ?? 'change';
  const because = why === '' ? '' : `: ${why}`;
  return `deleting it would ${effect} ${rows} row(s) of ${child.schema}.${child.table} that are not in the plan (${name})${because}`;
}

/**
 * Rows whose deletion would change rows that cannot be planned for; key text to the reason. Called with the rows locked,
 * so no child can be added meanwhile.
 */
export async function findCascades(
  session: Queryable,
  side: Side,
  key: ForeignKey,
  no: NoEffects,
  keys: readonly KeyValues[],
): Promise<ReadonlyMap<string, string>> {
  const { child } = key;
  if (!no.visible) {
    const reason = `whether deleting it would touch ${child.schema}.${child.table} cannot be seen (${key.name}): ${no.why}`;
    return new Map(keys.map((values) => [keyText(values), reason]));
  }
  const referring = await countReferring(session, side, key, keys);
  return new Map([...referring].map(([text, n]) => [text, unplanned(key, n, no.why)]));
}

/** How many rows refer to each of the rows of `keys` by a foreign key; those that none refers to are left out. */
export async function countReferring(
  session: Queryable,
  side: Side,
  { child, parent, equals }: ForeignKey,
  keys: readonly KeyValues[],
): Promise<ReadonlyMap<string, number>> {
  const parameters = new Parameters();
  const arrays = wantedArrays(side, keys, parameters);
  const wanted = side.key.map((_, i) => alias('w', i));
  const found = side.key.map((column, i) => keyMatch(column, `wanted.${wanted[i] ?? ''}`)).join(' and ');
  const parentColumns = parent.columns.map((name, i) => `${quoteIdentifier(name)} as ${alias('c', i)}`);
  const childMatch = child.columns.map(
    (name, i) => `parent.${alias('c', i)} ${equals[i] ?? '='} child.${quoteIdentifier(name)}`,
  );
  const { rows } = await session.query<{ key: string; n: string }>(
    `select parent."trueup:n" as key, count(*) as n
       from (select wanted."trueup:n", ${parentColumns.join(', ')}
               from unnest(${arrays.join(', ')}) with ordinality as wanted(${wanted.join(', ')}, "trueup:n")
                    join ${side.relation} as "trueup:row" on ${found}) as parent
            join ${quoteQualified(child.schema, child.table)} as child on ${childMatch.join(' and ')}
      group by parent."trueup:n"`,
    parameters.values,
  );
  return new Map(rows.map((row) => [keyText(keys[Number(row.key) - 1] ?? []), Number(row.n)]));
}
