import type { Comparison } from '../contracts/comparison';
import type { ChunkRange } from '../contracts/chunk';
import type { Parameters } from './range';
import type { Side } from './side';

/**
 * How the rows of a chunk fall into slices. Slices only make locating cheap: any layout that both sides share gives
 * the same findings.
 */
export type SliceLayout =
  | { readonly kind: 'arithmetic'; readonly low: bigint; readonly width: bigint; readonly count: number }
  | { readonly kind: 'hash'; readonly count: number };

/** Slices of a chunk: few enough to group by cheaply, many enough that reading one is a small part of the chunk. */
const SLICES = 64;

/** Wider key ranges than this could overflow a bigint difference. */
const WIDEST = 2n ** 62n;

/** Rows that a slice of a chunk without a range is to hold, and the fewest and most slices of one. */
const BUCKET_ROWS = 1_000;
const [FEWEST_BUCKETS, MOST_BUCKETS] = [64, 65_536];

/** How many slices a chunk without a range is laid in, by the rows that it may hold: a power of two. */
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
      const width = (span + BigInt(SLICES) - 1n) / BigInt(SLICES);
      // No more slices than the span fills: the start of one past it could lie beyond the largest bigint.
      return { kind: 'arithmetic', low: BigInt(low), width, count: Number((span + width - 1n) / width) };
    }
  }
  return { kind: 'hash', count: SLICES };
}

/** SQL for the number of the slice that a row falls into. */
export function sliceExpression(side: Side, layout: SliceLayout, parameters: Parameters): string {
  if (layout.kind === 'hash') return `(${side.keyHash} & ${layout.count - 1})`;
  const [key] = side.key;
  const column = `${key?.ordered ?? ''}::bigint`;
  const low = parameters.add(String(layout.low), 'bigint');
  const last = parameters.add(String(layout.low + layout.width * BigInt(layout.count - 1)), 'bigint');
  // The outer slices take what lies beyond the hints; the difference is only taken where it cannot overflow.
  return `case when ${column} < ${low} then 0 when ${column} >= ${last} then ${layout.count - 1}
               else (${column} - ${low}) / ${parameters.add(String(layout.width), 'bigint')} end`;
}

/** The condition that a row falls into one of the given slices; by ranges of the key where the layout allows it. */
export function sliceCondition(
  side: Side,
  layout: SliceLayout,
  slices: readonly number[],
  parameters: Parameters,
): string {
  if (slices.length >= layout.count) return 'true';
  if (layout.kind === 'hash') {
    return `${sliceExpression(side, layout, parameters)} = any (${parameters.add(slices, 'bigint[]')})`;
  }
  const column = side.key[0]?.ordered ?? '';
  const start = (slice: number) => parameters.add(String(layout.low + layout.width * BigInt(slice)), 'bigint');
  const parts = runsOf(slices).map(([first, last]) => {
    const bounds: string[] = [];
    if (first > 0) bounds.push(`${column} >= ${start(first)}`);
    if (last < layout.count - 1) bounds.push(`${column} < ${start(last + 1)}`);
    return bounds.length === 0 ? 'true' : `(${bounds.join(' and ')})`;
  });
  return `(${parts.join(' or ')})`;
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
