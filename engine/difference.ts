import type { Comparison } from '../contracts/comparison';
import type { ColumnDifference, Difference } from '../contracts/difference';
import type { TextRow } from '../contracts/finding';
import { withoutEquivalent, type InTarget } from './equivalence';
import { keyDigest, keyRecord, keyText, type KeyValues } from './key';
import type { Row, RowsByKey } from './row';

/** How a row differs by the spelling of its key and the hashes of its columns; null when it does not. */
function differenceOf(
  comparison: Comparison,
  key: KeyValues,
  source: Row | undefined,
  target: Row | undefined,
): Difference | null {
  if (!source && !target) return null;
  const differences: ColumnDifference[] = [];
  if (source && target) {
    comparison.key.forEach((column, i) => {
      if (source.key[i] === target.key[i]) return;
      differences.push({
        name: column.source,
        targetName: column.target,
        source: source.values[column.source] ?? source.key[i] ?? null,
        target: target.values[column.target] ?? target.key[i] ?? null,
      });
    });
    comparison.columns.forEach((column, i) => {
      if (source.columnHashes[i] === target.columnHashes[i]) return;
      differences.push({
        name: column.source,
        targetName: column.target,
        source: source.values[column.source] ?? null,
        target: target.values[column.target] ?? null,
      });
    });
    if (differences.length === 0) return null;
  }
  return {
    keyDigest: keyDigest(key),
    key: keyRecord(comparison, key),
    type: !source ? 'extra_in_target' : !target ? 'missing_in_target' : 'field_mismatch',
    source: source?.values ?? null,
    target: target?.values ?? null,
    digests: { source: source?.digest ?? null, target: target?.digest ?? null },
    differences,
    counts: null,
  };
}

/**
 * How the rows of the given keys differ, in the order of the keys: null where they do not, or only within what the
 * columns' types and the config take for equal.
 */
export async function differencesOf(
  comparison: Comparison,
  keys: readonly KeyValues[],
  source: RowsByKey,
  target: RowsByKey,
  inTarget: InTarget,
): Promise<readonly (Difference | null)[]> {
  const differences = keys.map((key) => {
    const text = keyText(key);
    return differenceOf(comparison, key, source.get(text), target.get(text));
  });
  return withoutEquivalent(comparison, differences, inTarget);
}

/** Whether two text rows hold the same values in the same columns. */
export function sameRow(a: TextRow | null, b: TextRow | null): boolean {
  if (a === null || b === null) return a === b;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && a[name] === b[name]);
}
