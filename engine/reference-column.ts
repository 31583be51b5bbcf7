import type { ComparedColumn, Comparison, Equivalence, KeyColumn } from '../contracts/comparison';
import type { ForeignKey } from '../database/foreign-key';
import { isCitext } from './common-type';

/**
 * Compares the columns of foreign keys of one target as the keys that they refer to: a reference that is spelt otherwise
 * than the source's is equal where either side's own `=` finds the same parent by both. Where the parents' spelling is
 * written (`keySpelling: source`), so is the references'.
 */
export function withReferences(
  comparisons: readonly Comparison[],
  foreignKeys: readonly ForeignKey[],
): readonly Comparison[] {
  const at = ({ pair }: Comparison, end: ForeignKey['child']) =>
    pair.target.schema === end.schema && pair.target.table === end.table;
  return comparisons.map((comparison) => {
    const equal = new Map<string, { readonly equivalence: Equivalence | null; readonly parent: string }>();
    for (const { child, parent } of foreignKeys.filter((key) => at(comparison, key.child))) {
      const parents = comparisons.filter((found) => at(found, parent) && found.pair.keySpelling !== 'source');
      child.columns.forEach((name, i) => {
        const [found] = parents.flatMap(({ key, pair }) => {
          const column = key.find(({ target }) => target === parent.columns[i]);
          return column?.spelled?.source || column?.spelled?.target ? [{ column, parent: pair.name }] : [];
        });
        if (found) equal.set(name, { equivalence: asKey(found.column), parent: found.parent });
      });
    }
    if (equal.size === 0) return comparison;
    const notes: string[] = [];
    const columns = comparison.columns.map((column): ComparedColumn => {
      const found = equal.get(column.target);
      // What the config says of it, or its own type, stands.
      if (!found || column.equivalence) return column;
      if (found.equivalence === null) {
        notes.push(
          `${column.source}: compared by its exact text, though the source's collation finds rows of ${found.parent} by others`,
        );
        return column;
      }
      notes.push(`${column.source}: compared as the key of ${found.parent} that it refers to`);
      return { ...column, equivalence: found.equivalence };
    });
    return { ...comparison, columns, notes: [...comparison.notes, ...notes] };
  });
}

/** Asked of the target; null: only the source could tell. */
function asKey({ spelled, collation }: KeyColumn): Equivalence | null {
  const [source, target] = [spelled?.source ?? null, spelled?.target ?? null];
  if (target) {
    const isCollated = target.type === 'text' || target.type === 'bpchar';
    const own = isCollated && collation.target !== null ? { collation: collation.target } : {};
    return { kind: 'equal', type: target.type, texts: true, ...own };
  }
  if (source === null) return null;
  // The target may not have the type.
  if (isCitext(source.type)) return { kind: 'text', rule: { trim: false, caseless: true } };
  return source.type === 'text' ? null : { kind: 'equal', type: source.type, texts: true };
}
