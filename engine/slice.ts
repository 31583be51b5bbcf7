import type { Comparison } from '../contracts/comparison';
import type { ChunkRange, KeyRange } from '../contracts/chunk';
import type { Parameters } from './range';
import type { Side } from './side';

/**
 * How the rows of a chunk fall into slices. Slices only make locating cheap: any layout that both sides share gives
 * the same findings.
 */
export type SliceLayout = ArithmeticLayout | HashLayout;

/** Ranges of equal width of one integer key column, each read by the index: no row has to be told its slice. */
export interface ArithmeticLayout {
  readonly kind: 'arithmetic';
  readonly low: bigint;
  readonly width: bigint;
  readonly count: number;
}

/** By the hash of the key; the rows are grouped by it. */
export interface HashLayout {
  readonly kind: 'hash';
  /** A power of two. */
  readonly count: number;
}

/**
 * Rows of a slice by arithmetic, and the most slices of a chunk. One more range costs the server about as much as three
 * rows do; one row whose hash has to be read costs as much as ten that are only summed up.
 */
const SLICE_ROWS = 300;
const MOST_SLICES = 2_000;

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
      const width = (span + slices - 1n) / slices;
      // No more slices than the span fills: the start of one past it could lie beyond the largest bigint.
      return { kind: 'arithmetic', low: BigInt(low), width, count: Number((span + width - 1n) / width) };
    }
  }
  return { kind: 'hash', count: bucketCount(comparison.pair.chunkRows) };
}

/** SQL for the number of the slice by hash that a row falls into. */
export function sliceExpression(side: Side, layout: HashLayout): string {
  return `(${side.keyHash} & ${layout.count - 1})`;
}

/** The lowest and the highest key of runs of slices; the outer slices reach as far as the range does. */
export function edgesOf(
  layout: ArithmeticLayout,
  range: KeyRange,
  runs: readonly (readonly [first: number, last: number])[],
): { readonly lowest: readonly string[]; readonly highest: readonly string[] } {
  const start = (slice: number) => layout.low + layout.width * BigInt(slice);
  const least = range.from?.[0] === undefined ? LEAST : BigInt(range.from[0]);
  const most = range.to?.[0] === undefined ? MOST : BigInt(range.to[0]) - 1n;
  return {
    lowest: runs.map(([first]) => String(first === 0 ? least : start(first))),
    highest: runs.map(([, last]) => String(last === layout.count - 1 ? most : start(last + 1) - 1n)),
  };
}

/**
 * A `from` item with the rows of runs of slices, each read by its own range of the index; `select` is what is wanted of
 * them. The planner cannot know how narrow the runs are: sequential scans have to be off.
 */
export function fromEdges(
  side: Side,
  edges: ReturnType<typeof edgesOf>,
  select: string,
  parameters: Parameters,
): string {
  const [lowest, highest] = [parameters.add(edges.lowest, 'bigint[]'), parameters.add(edges.highest, 'bigint[]')];
  const column = side.key[0]?.ordered ?? '';
  return `unnest(${lowest}, ${highest}) with ordinality as "trueup:edges"("trueup:lowest", "trueup:highest", "trueup:run")
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
