import type { Comparison } from '../contracts/comparison';
import type { TablePair, TableRef } from '../contracts/table-pair';
import type { Database } from '../database/connection';
import { quoteQualified } from '../database/identifier';
import { readTableShape } from '../database/table-shape';
import { resolveComparison } from './comparison';
import { sideOf, type Side } from './side';

/** A table whose rows a delete elsewhere would touch, or the part of it that one table pair compares. */
export interface EffectTable {
  readonly name: string;
  readonly comparison: Comparison;
  readonly side: Side;
  /** SQL for the rows that are meant. */
  readonly condition: string;
}

/** Why the rows of a table cannot be planned for. */
export interface NoEffects {
  readonly why: string;
  /** Whether it can be seen at all which rows it has. */
  readonly visible: boolean;
}

/** Whether a key tells the target's rows apart, and is never NULL. */
function hasKey(comparison: Comparison): boolean {
  return comparison.key.length > 0 && comparison.keyProven.target && !comparison.keyNullable;
}

/**
 * A table of the target as its own counterpart: how its rows are named and read where no table pair says so; or why that
 * cannot be.
 */
async function ownComparison(
  target: Database,
  ref: TableRef,
  taken: ReadonlySet<string>,
): Promise<Comparison | NoEffects> {
  const shape = await readTableShape(target, ref.schema, ref.table);
  if (shape === null || !shape.privileges.has('SELECT')) return { why: 'the user may not read it', visible: false };
  const plain = `${ref.schema}.${ref.table}`;
  const pair: TablePair = {
    name: taken.has(plain) ? `${plain} (target)` : plain,
    source: ref,
    target: ref,
    key: null,
    columns: {},
    exclude: [],
    where: null,
    critical: false,
    corrections: { missing: 'ignore', mismatched: 'ignore', extra: 'ignore' },
    chunkRows: 1,
    settle: { delayMs: 0, attempts: 1 },
  };
  const comparison: Comparison = { ...resolveComparison(pair, shape, shape), columns: [], notes: [], targetOnly: true };
  return hasKey(comparison) ? comparison : { why: 'it has no key that tells its rows apart', visible: true };
}

/** Whether row security hides rows from the user; the database's own deletes and updates pass it by. */
async function hidesRows(target: Database, ref: TableRef): Promise<boolean> {
  const { rows } = await target.query<{ hides: string }>('select row_security_active($1) as hides', [
    quoteQualified(ref.schema, ref.table),
  ]);
  return rows[0]?.hides === 't';
}

/**
 * How the rows of a table of the target are named in a plan: as the table pairs of the run name them, and what none of
 * those compares by the table's own key; or why they cannot be.
 */
export async function effectTables(
  target: Database,
  ref: TableRef,
  pairs: readonly Comparison[],
): Promise<readonly EffectTable[] | NoEffects> {
  if (await hidesRows(target, ref)) return { why: 'row security hides rows of it from the user', visible: false };
  const isHere = ({ pair }: Comparison) =>
    pair.target.connection === ref.connection && pair.target.schema === ref.schema && pair.target.table === ref.table;
  const here = pairs.filter((comparison) => isHere(comparison) && hasKey(comparison));
  const tables: EffectTable[] = [];
  let others = 'true';
  for (const comparison of here) {
    const side = sideOf(comparison, 'target', target);
    tables.push({ name: comparison.pair.name, comparison, side, condition: `(${side.filter}) and ${others}` });
    // One condition on a line of its own, as a filter may end in a comment.
    others = `not coalesce((${side.filter}\n), false) and ${others}`;
    if (comparison.pair.where === null) return tables;
  }
  const own = await ownComparison(target, ref, new Set(pairs.map(({ pair }) => pair.name)));
  if ('why' in own) return own;
  return [...tables, { name: own.pair.name, comparison: own, side: sideOf(own, 'target', target), condition: others }];
}
