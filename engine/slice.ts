import type { Comparison } from '../contracts/comparison';
import type { ChunkRange } from '../contracts/chunk';
import type { Parameters } from './range';
import type { Side } from './side';

/**
 * How the rows of a chunk fall into slices. Slices only make locating cheap: any layout that both sides share gives
 * the same findings.
 */
export type SliceLayout = RangeLayout | HashLayout;

/** Ranges of one integer key column, in order, each read by the index: no row has to be told its slice. */
export interface RangeLayout {
  readonly kind: 'ranges';
  readonly ranges: readonly SliceRange[];
}

/** The lowest and the highest key of a slice. */
export type SliceRange = readonly [lowest: bigint, highest: bigint];

/** By the hash of the key; the rows are grouped by it. */
export interface HashLayout {
  readonly kind: 'hash';
  /** A power of two. */
  readonly count: number;
  /** The slices to be read; absent: all. */
  readonly only?: readonly number[];
}

/**
 * Rows of a slice by ranges, and the most slices of a chunk. Measured with 8 columns: one more range costs the server 8 µs,
 * a row that is summed up 0.3 µs.
 */
const SLICE_ROWS = 400;
const MOST_SLICES = 2_000;

/**
 * Into how many a slice that disagrees is cut before its rows are read, as a row that is read costs far more than one that
 * is summed up: with 350 differences in 5 million rows it halved what the worker has to do.
 */
const REFINEMENT = 25n;

const [LEAST, MOST] = [-(2n ** 63n), 2n ** 63n - 1n];

/** Wider key ranges than this could overflow a bigint difference. */
const WIDEST = 2n ** 62n;

/**
 * Rows that a slice of a chunk without a range is to hold, and the fewest and most slices of one: as many as the server
 * groups in memory.
 */
const BUCKET_ROWS = 100;
const [FEWEST_BUCKETS, MOST_BUCKETS] = [64, 65_536];

/** How many slices by hash a chunk is laid in, by the rows that it may hold: a power of two. */
export function bucketCount(rows: number): number {
  const wanted = 2 ** Math.round(Math.log2(Math.max(1, rows / BUCKET_ROWS)));
  return Math.min(MOST_BUCKETS, Math.max(FEWEST_BUCKETS, wanted));
}

/** Lays the slices of a chunk: as planned, or by arithmetic over one integer key column, or by the hash of the key. */
export function sliceLayout(comparison: Comparison, chunk: ChunkRange): SliceLayout {
  if (chunk.slices !== null) return { kind: 'hash', count: chunk.slices };
  const [key] = comparison.key;
  const low = (chunk.from ?? chunk.low)?.[0];
  const high = (chunk.to ?? chunk.high)?.[0];
  if (comparison.key.length === 1 && key?.order === 'integer' && low !== undefined && high !== undefined) {
    const span = BigInt(high) - BigInt(low) + 1n;
    if (span > 0n && span < WIDEST) {
      const wanted = Math.round(comparison.pair.chunkRows / SLICE_ROWS);
      const slices = BigInt(Math.min(MOST_SLICES, Math.max(1, wanted)));
      const first = chunk.from?.[0] === undefined ? LEAST : BigInt(chunk.from[0]);
      const last = chunk.to?.[0] === undefined ? MOST : BigInt(chunk.to[0]) - 1n;
      const [head, ...tail] = split([BigInt(low), BigInt(high)], slices);
      // The outer slices reach as far as the chunk does; what was seen while planning are only hints.
      const ranges = head === undefined ? [] : [[first, head[1]] as const, ...tail];
      const end = ranges.pop();
      if (end) return { kind: 'ranges', ranges: [...ranges, [end[0], last]] };
    }
  }
  return { kind: 'hash', count: bucketCount(comparison.pair.chunkRows) };
}

/** SQL for the number of the slice by hash that a row falls into. */
export function sliceExpression(side: Side, layout: HashLayout): string {
  return `(${side.keyHash} & ${layout.count - 1})`;
}

/** The layout of some of its slices; ranges that touch become one. */
export function onlySlices(layout: SliceLayout, slices: readonly number[]): SliceLayout {
  if (layout.kind === 'hash') return { ...layout, only: slices };
  const ranges = runsOf(slices).flatMap(([first, last]) => {
    const [start, end] = [layout.ranges[first], layout.ranges[last]];
    return start && end ? [[start[0], end[1]] as const] : [];
  });
  return { kind: 'ranges', ranges };
}

/** The same rows in finer slices; null where there are none. */
export function refine(layout: SliceLayout, slices: readonly number[]): SliceLayout | null {
  if (layout.kind === 'hash') return null;
  const ranges = slices.flatMap((slice) => {
    const range = layout.ranges[slice];
    return range ? split(range, REFINEMENT) : [];
  });
  return ranges.length <= slices.length ? null : { kind: 'ranges', ranges };
}

/** Cuts a range into parts of equal width, fewer than asked where it has fewer keys. */
function split([lowest, highest]: SliceRange, parts: bigint): readonly SliceRange[] {
  const span = highest - lowest + 1n;
  const width = (span + parts - 1n) / parts;
  const count = Number((span + width - 1n) / width);
  return Array.from({ length: count }, (_, i) => {
    const start = lowest + width * BigInt(i);
    return [start, i === count - 1 ? highest : start + width - 1n];
  });
}

/**
 * A `from` item with the rows of a layout's ranges, each read by the index; `select` is what is wanted of them. The
 * planner cannot know how narrow the ranges are: sequential scans have to be off.
 */
export function fromRanges(side: Side, { ranges }: RangeLayout, select: string, parameters: Parameters): string {
  const keys = (which: 0 | 1) =>
    parameters.add(
      ranges.map((range) => String(range[which])),
      'bigint[]',
    );
  const column = side.key[0]?.ordered ?? '';
  return `unnest(${keys(0)}, ${keys(1)}) with ordinality as "trueup:ranges"("trueup:lowest", "trueup:highest", "trueup:no")
          cross join lateral (select ${select} from ${side.relation}
            where ${column} >= "trueup:lowest" and ${column} <= "trueup:highest" and ${side.filter}) as "trueup:rows"`;
}

/** Runs of adjacent numbers: [1, 2, 3, 7] → [[1, 3], [7, 7]]. */
export function runsOf(numbers: readonly number[]): readonly (readonly [number, number])[] {
  const runs: [number, number][] = [];
  for (const n of [...numbers].sort((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run && n <= run[1] + 1) run[1] = n;
    else runs.push([n, n]);
  }
  return runs;
}
