import type { Comparison } from '../contracts/comparison';
import type { Candidate, Difference, Reading, RowDigests } from '../contracts/difference';
import { Batch, charactersOf } from './batch';
import type { Sides } from './compare-chunk';
import { differencesOf } from './difference';
import type { InTarget } from './equivalence';
import { keyText, keyValues, type KeyValues } from './key';
import { settledBoth } from './locate';
import { readRows, type RowsByKey } from './row';
import { comparedDifferences } from './same-row';
import { readDigests, readHashes } from './row-digest';

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

/** How the rows of the given keys, as they were just read, differ as far as they are compared. */
export async function differencesNow(
  comparison: Comparison,
  sides: Sides,
  keys: readonly KeyValues[],
  [source, target]: readonly [RowsByKey, RowsByKey],
  signal?: AbortSignal,
): Promise<readonly (Difference | null)[]> {
  return comparedDifferences(
    comparison,
    keys,
    { source, target },
    {
      inTarget: inTarget(sides, signal),
      read: (role, others) =>
        sides[role].database.withSession(
          (session) => readRows(session, comparison, sides[role], others, { hashes: false }),
          signal,
        ),
    },
  );
}

function inTarget(sides: Sides, signal: AbortSignal | undefined): InTarget {
  return (use) => sides.target.database.withTransaction('repeatable read, read only', use, signal);
}

/** Whether the rows of each of the keys agree now, or are on neither side; each is read as a whole. */
export async function agreeNow(
  comparison: Comparison,
  sides: Sides,
  keys: readonly KeyValues[],
  signal?: AbortSignal,
): Promise<readonly boolean[]> {
  const [source, target] = await readBoth(comparison, sides, keys, signal);
  const differences = await differencesOf(comparison, keys, source, target, inTarget(sides, signal));
  return differences.map((difference) => difference === null);
}

/**
 * Reads candidates again by key: did they heal, do they hold still, do they still move? Only of those that changed are
 * the rows themselves read. `batch` learns how wide the rows are.
 */
export async function settle(
  comparison: Comparison,
  sides: Sides,
  candidates: readonly Candidate[],
  signal?: AbortSignal,
  batch?: Batch,
): Promise<readonly Reading[]> {
  const keys = candidates.map((candidate) => keyValues(comparison, candidate.key));
  const digestsOf = (side: Sides['source']) =>
    side.database.withSession((session) => readDigests(session, side, keys), signal);
  const [source, target] = await settledBoth(digestsOf(sides.source), digestsOf(sides.target));
  const characters = [...source.values(), ...target.values()].reduce((sum, row) => sum + row.characters, 0);
  batch?.saw(keys.length, characters);
  const isStill = (candidate: Candidate, i: number) => {
    const text = keyText(keys[i] ?? []);
    // What another row has to do with it is asked again.
    if (candidate.twin || candidate.held) return false;
    return sameDigests(candidate.digests, {
      source: source.get(text)?.digest ?? null,
      target: target.get(text)?.digest ?? null,
    });
  };
  const changed = new Map(
    candidates.flatMap((candidate, i) => (isStill(candidate, i) ? [] : [[candidate, keys[i] ?? []]])),
  );
  const changedKeys = [...changed.values()];
  const rows = await readBoth(comparison, sides, changedKeys, signal);
  const differences = await differencesNow(comparison, sides, changedKeys, rows, signal);
  const differenceOf = new Map([...changed.keys()].map((candidate, i) => [candidate, differences[i] ?? null]));
  return candidates.map((candidate) => {
    const { keyDigest, key, type } = candidate;
    const difference = differenceOf.get(candidate);
    if (difference === null) return { keyDigest, key, state: 'healed' };
    if (difference === undefined || isSame(difference, candidate)) {
      return { keyDigest, key, state: 'still', type };
    }
    return { keyDigest, key, state: 'moving', difference };
  });
}

/** Whether a row differs as it did when it was read before. */
function isSame(now: Candidate, before: Candidate): boolean {
  return (
    sameDigests(now.digests, before.digests) &&
    now.type === before.type &&
    now.detail === before.detail &&
    now.twin?.keyDigest === before.twin?.keyDigest &&
    now.twin?.role === before.twin?.role
  );
}

function sameDigests(a: RowDigests, b: RowDigests): boolean {
  return a.source === b.source && a.target === b.target;
}

/**
 * How the rows of each of the given keys differ between the sides now; null: they do not. Only rows whose hashes differ are
 * read; of one that only one side has the hash is enough.
 */
export async function findDiffering(
  comparison: Comparison,
  sides: Sides,
  keys: readonly KeyValues[],
  signal?: AbortSignal,
): Promise<readonly (Difference | null)[]> {
  const hashesOf = (side: Sides['source']) =>
    side.database.withSession((session) => readHashes(session, side, keys), signal);
  const [source, target] = await settledBoth(hashesOf(sides.source), hashesOf(sides.target));
  const suspects = keys.flatMap((key, i) => (source.get(keyText(key)) === target.get(keyText(key)) ? [] : [i]));
  const found: (Difference | null)[] = keys.map(() => null);
  const batch = new Batch();
  for (let at = 0; at < suspects.length;) {
    const some = suspects.slice(at, at + batch.rows);
    const wanted = some.map((i) => keys[i] ?? []);
    const read = await readBoth(comparison, sides, wanted, signal);
    batch.saw(some.length, charactersOf(read.flatMap((rows) => [...rows.values()].map(({ values }) => values))));
    // Also of rows that have left the filter by their correction.
    const differences = await differencesOf(comparison, wanted, ...read, inTarget(sides, signal));
    some.forEach((i, n) => (found[i] = differences[n] ?? null));
    at += some.length;
  }
  return found;
}
