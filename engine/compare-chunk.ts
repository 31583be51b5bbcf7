import type { ChunkRange } from '../contracts/chunk';
import type { Comparison } from '../contracts/comparison';
import type { Difference } from '../contracts/difference';
import type { Queryable } from '../database/connection';
import { differencesOf } from './difference';
import { countRows, disagreeing, fingerprint } from './fingerprint';
import type { KeyValues } from './key';
import { locate, settledBoth } from './locate';
import { readRows } from './row';
import type { Side } from './side';
import { sliceLayout } from './slice';

export interface ChunkResult {
  readonly rowsSource: number;
  readonly rowsTarget: number;
  readonly differing: number;
}

/** Differing rows read and handed on at a time. */
const BATCH = 500;

export interface Sides {
  readonly source: Side;
  readonly target: Side;
}

/** Runs `use` with one snapshot of each side. The source's session is always taken first, so that waits cannot cross. */
export async function withSnapshots<T>(
  sides: Sides,
  use: (sessions: { readonly source: Queryable; readonly target: Queryable }) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const mode = 'repeatable read, read only';
  return sides.source.database.withTransaction(
    mode,
    (source) => sides.target.database.withTransaction(mode, (target) => use({ source, target }), signal),
    signal,
  );
}

/**
 * Compares one chunk: fingerprints its slices on both sides at once, and only where they disagree reads keys and
 * hashes, and only where those disagree reads rows. Each side is read in one snapshot.
 *
 * `onDifferences` gets the differing rows in batches, so that memory does not grow with their number.
 */
export async function compareChunk(
  comparison: Comparison,
  sides: Sides,
  chunk: ChunkRange,
  onDifferences: (differences: readonly Difference[]) => Promise<void>,
  signal?: AbortSignal,
): Promise<ChunkResult> {
  return withSnapshots(
    sides,
    async (sessions) => {
      const layout = sliceLayout(comparison, chunk);
      const [source, target] = await settledBoth(
        fingerprint(sessions.source, sides.source, chunk, layout),
        fingerprint(sessions.target, sides.target, chunk, layout),
      );
      const slices = disagreeing(source, target);
      let differing = 0;
      const flush = async (keys: readonly KeyValues[]) => {
        const [s, t] = await settledBoth(
          readRows(sessions.source, comparison, sides.source, keys),
          readRows(sessions.target, comparison, sides.target, keys),
        );
        const read = await differencesOf(comparison, keys, s, t, (use) => use(sessions.target));
        const differences = read.filter((difference) => difference !== null);
        differing += differences.length;
        await onDifferences(differences);
      };
      if (slices.length > 0) {
        let keys: KeyValues[] = [];
        for await (const key of locate(sessions, sides, chunk, layout, slices)) {
          keys.push(key);
          if (keys.length < BATCH) continue;
          await flush(keys);
          keys = [];
        }
        if (keys.length > 0) await flush(keys);
      }
      return { rowsSource: countRows(source), rowsTarget: countRows(target), differing };
    },
    signal,
  );
}
