import type { Comparison } from '../contracts/comparison';
import type { Difference, Reading } from '../contracts/difference';
import { charactersOf, type Batch } from './batch';
import type { Sides } from './compare-chunk';
import { differencesOf, sameRow } from './difference';
import { keyValues, type KeyValues } from './key';
import { settledBoth } from './locate';
import { readRows, type RowsByKey } from './row';

/** Reads rows by key on both sides at once, outside any snapshot that was taken before. */
export async function readBoth(
  comparison: Comparison,
  sides: Sides,
  keys: readonly KeyValues[],
  signal?: AbortSignal,
): Promise<readonly [RowsByKey, RowsByKey]> {
  const read = (side: Sides['source']) =>
    side.database.withSession((session) => readRows(session, comparison, side, keys), signal);
  return settledBoth(read(sides.source), read(sides.target));
}

/** How the rows of the given keys, as they were just read, differ. */
async function differencesNow(
  comparison: Comparison,
  sides: Sides,
  keys: readonly KeyValues[],
  [source, target]: readonly [RowsByKey, RowsByKey],
  signal?: AbortSignal,
): Promise<readonly (Difference | null)[]> {
  return differencesOf(comparison, keys, source, target, (use) =>
    sides.target.database.withTransaction('repeatable read, read only', use, signal),
  );
}

/** Reads candidates again by key: did they heal, do they hold still, do they still move? */
export async function settle(
  comparison: Comparison,
  sides: Sides,
  candidates: readonly Difference[],
  signal?: AbortSignal,
): Promise<readonly Reading[]> {
  const keys = candidates.map((candidate) => keyValues(comparison, candidate.key));
  const differences = await differencesNow(
    comparison,
    sides,
    keys,
    await readBoth(comparison, sides, keys, signal),
    signal,
  );
  return candidates.map((before, i) => {
    const now = differences[i] ?? null;
    const moving = now !== null && !(sameRow(now.source, before.source) && sameRow(now.target, before.target));
    return { keyDigest: before.keyDigest, difference: now, moving };
  });
}

/** How many of the given keys differ between the sides now; `batch` learns how wide their rows are. */
export async function countDiffering(
  comparison: Comparison,
  sides: Sides,
  keys: readonly KeyValues[],
  signal?: AbortSignal,
  batch?: Batch,
): Promise<number> {
  const read = await readBoth(comparison, sides, keys, signal);
  batch?.saw(keys.length, charactersOf(read.flatMap((rows) => [...rows.values()].map(({ values }) => values))));
  const differences = await differencesNow(comparison, sides, keys, read, signal);
  return differences.filter((difference) => difference !== null).length;
}
