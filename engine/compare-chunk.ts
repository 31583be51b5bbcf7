import type { ChunkRange } from '../contracts/chunk';
import type { Comparison } from '../contracts/comparison';
import type { Difference } from '../contracts/difference';
import type { Queryable } from '../database/connection';
import { Batch, charactersOf } from './batch';
import { countRows, disagreeing, fingerprint } from './fingerprint';
import { locate, settledBoth, type Located } from './locate';
import { countDifference, isMultiset, multisetSides } from './multiset';
import { readRows, type RowsByKey } from './row';
import { comparedDifferences, looksFurther } from './same-row';
import type { Side } from './side';
import { onlySlices, refine, sliceLayout, type SliceLayout } from './slice';

export interface ChunkResult {
  readonly rowsSource: number;
  readonly rowsTarget: number;
  readonly differing: number;
}

/** Memory for the sums of all slices of a table, in kB; the server gives it to each of its parallel workers. */
const GROUPING_KB = 65_536;

export interface Sides {
  readonly source: Side;
  readonly target: Side;
}

interface Sessions {
  readonly source: Queryable;
  readonly target: Queryable;
}

/** Runs `use` with one snapshot of each side. The source's session is always taken first, so that waits cannot cross. */
export async function withSnapshots<T>(
  sides: Sides,
  use: (sessions: Sessions) => Promise<T>,
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
  const counted = isMultiset(chunk.kind);
  // Where each side finds the other's spelling of a key, the row is found twice, and reported under the source's.
  const findsAll = comparison.key.every(({ spelled }) => !spelled?.source || spelled.target !== null);
  const isReportedHere = ({ twin }: Difference) => !(findsAll && twin?.role === 'source');
  const compared = isMultiset(chunk.kind) ? multisetSides(comparison, sides, chunk.kind) : sides;
  return withSnapshots(
    compared,
    async (sessions) => {
      const layout = sliceLayout(comparison, chunk);
      const prepare = layout.kind === 'ranges' ? byIndex : chunk.slices === null ? asPlanned : inMemory;
      await settledBoth(prepare(sessions.source), prepare(sessions.target));
      const sum = (slices: SliceLayout) =>
        settledBoth(
          fingerprint(sessions.source, compared.source, chunk, slices),
          fingerprint(sessions.target, compared.target, chunk, slices),
        );
      const [source, target] = await sum(layout);
      const slices = disagreeing(source, target);
      let differing = 0;
      const batch = new Batch();
      const flush = async (located: readonly Located[]) => {
        const differences = counted
          ? located.map((found) => countDifference(comparison, found))
          : (await readDifferences(comparison, sides, sessions, located)).filter(isReportedHere);
        differing += differences.length;
        batch.saw(
          located.length,
          charactersOf(differences.flatMap(({ source: ofSource, target: ofTarget }) => [ofSource, ofTarget])),
        );
        await onDifferences(differences);
      };
      if (slices.length > 0) {
        let located: Located[] = [];
        const what = counted ? 'counts' : 'hashes';
        // Where one side has nothing, every row differs.
        const finer = source.size > 0 && target.size > 0 ? refine(layout, slices) : null;
        const suspects = finer ? onlySlices(finer, disagreeing(...(await sum(finer)))) : onlySlices(layout, slices);
        for await (const found of locate(sessions, compared, chunk, suspects, what)) {
          located.push(found);
          if (located.length < batch.rows) continue;
          await flush(located);
          located = [];
        }
        if (located.length > 0) await flush(located);
      }
      return { rowsSource: countRows(source), rowsTarget: countRows(target), differing };
    },
    signal,
  );
}

/** Many narrow ranges are read one after the other: where the planner mistook them for wide ones, it would scan for each. */
async function byIndex(session: Queryable): Promise<void> {
  await session.query('set local enable_seqscan = off');
}

async function asPlanned(): Promise<void> {}

/** The planner takes every row for a slice of its own, and would sort them all to group them. */
async function inMemory(session: Queryable): Promise<void> {
  await session.query(
    `select set_config('enable_sort', 'off', true),
            set_config('work_mem', greatest(setting::integer, ${GROUPING_KB})::text, true)
       from pg_settings where name = 'work_mem'`,
  );
}

/** Reads the rows that were located, in the same snapshots: those that differ after all. */
export async function readDifferences(
  comparison: Comparison,
  sides: Sides,
  sessions: Sessions,
  located: readonly Located[],
): Promise<readonly Difference[]> {
  const keys = located.map(({ key }) => key);
  const further = looksFurther(sides);
  const [source, target] = await settledBoth(
    further
      ? readRows(sessions.source, comparison, sides.source, keys)
      : readLocated(sessions.source, comparison, sides.source, located),
    further
      ? readRows(sessions.target, comparison, sides.target, keys)
      : readLocated(sessions.target, comparison, sides.target, located),
  );
  const read = await comparedDifferences(
    comparison,
    keys,
    { source, target },
    {
      inTarget: (use) => use(sessions.target),
      read: (role, others) => readRows(sessions[role], comparison, sides[role], others, { hashes: false }),
    },
  );
  return read.filter((difference) => difference !== null);
}

/** The rows of a side that were found there; hashes are wanted only of those that the other side has, too. */
async function readLocated(
  session: Queryable,
  comparison: Comparison,
  side: Side,
  located: readonly Located[],
): Promise<RowsByKey> {
  const here = located.filter((found) => found[side.role] !== null);
  const keysOf = (isAlone: boolean) =>
    here.filter(({ source, target }) => (source === null || target === null) === isAlone).map(({ key }) => key);
  const onBoth = await readRows(session, comparison, side, keysOf(false));
  const alone = await readRows(session, comparison, side, keysOf(true), { hashes: false });
  return new Map([...onBoth, ...alone]);
}
