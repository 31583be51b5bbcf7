import type { KeyBound } from '../contracts/chunk';
import type { Comparison } from '../contracts/comparison';
import type { Difference } from '../contracts/difference';
import { Batch, charactersOf } from './batch';
import { readDifferences, withSnapshots, type ChunkResult, type Sides } from './compare-chunk';
import { keyText } from './key';
import { settledBoth } from './locate';
import { readFilteredHashes } from './row-digest';

/**
 * Compares the rows of some keys: hashes first, and rows only where these disagree. A key that neither side has is none.
 * Each side is read in one snapshot; `onDifferences` gets the differing rows in batches.
 */
export async function compareKeys(
  comparison: Comparison,
  sides: Sides,
  keys: readonly KeyBound[],
  onDifferences: (differences: readonly Difference[]) => Promise<void>,
  signal?: AbortSignal,
): Promise<ChunkResult> {
  return withSnapshots(
    sides,
    async (sessions) => {
      const [source, target] = await settledBoth(
        readFilteredHashes(sessions.source, sides.source, keys),
        readFilteredHashes(sessions.target, sides.target, keys),
      );
      const suspects = keys.flatMap((key) => {
        const text = keyText(key);
        const [ofSource, ofTarget] = [source.get(text) ?? null, target.get(text) ?? null];
        return ofSource === ofTarget ? [] : [{ key, source: ofSource, target: ofTarget }];
      });
      let differing = 0;
      const batch = new Batch();
      for (let at = 0; at < suspects.length;) {
        const some = suspects.slice(at, at + batch.rows);
        const differences = await readDifferences(comparison, sides, sessions, some);
        differing += differences.length;
        batch.saw(some.length, charactersOf(differences.flatMap((found) => [found.source, found.target])));
        await onDifferences(differences);
        at += some.length;
      }
      return { rowsSource: source.size, rowsTarget: target.size, differing };
    },
    signal,
  );
}
