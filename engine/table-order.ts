import type { TableRef } from '../contracts/table-pair';
import type { ForeignKey } from '../database/foreign-key';

/**
 * Orders tables so that parents come before their children, by the foreign keys of the target (depth-first topological
 * sort). Where keys form a cycle, the order within it is by name; what then fails is tried again after the rest.
 */
export function parentsFirst<T extends { readonly name: string; readonly target: TableRef }>(
  pairs: readonly T[],
  foreignKeys: readonly ForeignKey[],
): readonly T[] {
  const id = (ref: { readonly schema: string; readonly table: string }) => JSON.stringify([ref.schema, ref.table]);
  const sorted = [...pairs].sort((a, b) => (a.name < b.name ? -1 : 1));
  const ordered: T[] = [];
  const state = new Map<T, 'visiting' | 'done'>();
  const visit = (pair: T) => {
    if (state.has(pair)) return;
    state.set(pair, 'visiting');
    const parents = new Set(
      foreignKeys.filter((key) => id(key.child) === id(pair.target)).map((key) => id(key.parent)),
    );
    for (const parent of sorted) {
      if (parent !== pair && parents.has(id(parent.target))) visit(parent);
    }
    state.set(pair, 'done');
    ordered.push(pair);
  };
  sorted.forEach(visit);
  return ordered;
}
