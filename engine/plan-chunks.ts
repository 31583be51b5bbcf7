import type { ChunkKind, ChunkRange, KeyBound } from '../contracts/chunk';
import type { Comparison } from '../contracts/comparison';
import { TrueupError } from '../contracts/errors';
import type { Queryable } from '../database/connection';
import type { Sides } from './compare-chunk';
import { settledBoth } from './locate';
import { multisetSides } from './multiset';
import { isSampled, isWorthSampling, sampleBoundaries } from './boundary-sample';
import { alias, boundOf, boundTuple, keyArrays, keyColumns, keyTuple, orderBy, Parameters } from './range';
import type { Side } from './side';
import { bucketCount } from './slice';

interface Progress {
  /** Called after each boundary found. */
  readonly onBoundary?: () => void;
}

/**
 * Cuts a table pair into chunks, in the way that suits its key: along ranges, or in one piece that is sliced by the
 * hash of the key. Where the key may be NULL, one more chunk holds the rows where it is. A key that a constraint of one
 * side gave, and that repeats on the other, tells no rows apart: then equal rows are counted, as without any key.
 *
 * @throws KEY_UNUSABLE when the key that the config names repeats, or is NULL beside no unique index.
 */
export async function planChunks(
  comparison: Comparison,
  sides: Sides,
  chunkRows: number,
  signal?: AbortSignal,
  progress: Progress = {},
): Promise<readonly ChunkRange[]> {
  if (!(await isKey(comparison, sides, signal))) {
    return [await openChunk('multiset', multisetSides(comparison, sides, 'multiset'), signal)];
  }
  const chunks =
    comparison.strategy === 'ranges'
      ? await planRanges(comparison, sides, chunkRows, signal, progress)
      : [await openChunk('buckets', sides, signal)];
  return [...chunks, ...(await planNulls(comparison, sides, signal))];
}

/** The chunk of the rows whose key is NULL, where it may be. */
export async function planNulls(
  comparison: Comparison,
  sides: Sides,
  signal?: AbortSignal,
): Promise<readonly ChunkRange[]> {
  if (!comparison.keyNullable) return [];
  return [await openChunk('nulls', multisetSides(comparison, sides, 'nulls'), signal)];
}

/**
 * Whether the key tells the rows of both sides apart, where it is not NULL.
 *
 * @throws KEY_UNUSABLE when the key that the config names does not.
 */
export async function isKey(comparison: Comparison, sides: Sides, signal?: AbortSignal): Promise<boolean> {
  if (comparison.key.length === 0) return false;
  const faults = await settledBoth(
    keyFault(comparison, sides.source, signal),
    keyFault(comparison, sides.target, signal),
  );
  const fault = faults.find((found) => found !== null);
  if (fault === undefined || fault === null) return true;
  if (comparison.keyOrigin === 'config') throw fault;
  return false;
}

/** A chunk of all the rows of the sides, in as many slices as their number asks for. */
async function openChunk(kind: Exclude<ChunkKind, 'range'>, sides: Sides, signal?: AbortSignal): Promise<ChunkRange> {
  const [source, target] = await settledBoth(estimateRows(sides.source, signal), estimateRows(sides.target, signal));
  return { kind, from: null, to: null, low: null, high: null, slices: bucketCount(Math.max(source, target)) };
}

/** The planner's own guess, which costs no scan and works for every kind of relation. Only speed depends on it. */
async function estimateRows(side: Side, signal?: AbortSignal): Promise<number> {
  return side.database.withSession(async (session) => {
    const { rows } = await session.query<Record<'QUERY PLAN', string>>(
      `explain (format json) select 1 from ${side.relation} where ${side.filter}`,
    );
    const [explained] = JSON.parse(rows[0]?.['QUERY PLAN'] ?? '[]') as { readonly Plan: Record<string, number> }[];
    return explained?.Plan['Plan Rows'] ?? 0;
  }, signal);
}

/**
 * Cuts by walking the key along its index, or a large table by a sample of its keys, not by arithmetic on them: gaps cost
 * nothing. The side with more rows sets the boundaries; where the other one is denser, boundaries of its own are put
 * between. The outer chunks are open, so that every row of either side lies in a chunk.
 */
async function planRanges(
  comparison: Comparison,
  sides: Sides,
  chunkRows: number,
  signal: AbortSignal | undefined,
  progress: Progress,
): Promise<readonly ChunkRange[]> {
  const [source, target] = await settledBoth(
    boundariesOf(sides.source, chunkRows, signal, progress),
    boundariesOf(sides.target, chunkRows, signal, progress),
  );
  const bounds = await mergeBoundaries(sides.source, source.bounds, target.bounds);
  const hints = comparison.key[0]?.order === 'integer' ? outerKeys(source, target) : { low: null, high: null };
  return toChunks(bounds, hints.low, hints.high);
}

interface Boundaries {
  readonly bounds: readonly KeyBound[];
  readonly low: KeyBound | null;
  readonly high: KeyBound | null;
}

/** Looks whether the key repeats or is NULL where no constraint forbids it; null: neither. */
async function keyFault(comparison: Comparison, side: Side, signal?: AbortSignal): Promise<TrueupError | null> {
  if (comparison.keyProven[side.role]) return null;
  const columns = side.key.map((column) => column.text);
  const fault = (why: string) =>
    new TrueupError(
      'KEY_UNUSABLE',
      `table ${comparison.pair.name}: key (${side.key.map((column) => column.name).join(', ')}) ${why} in the ${side.role}`,
    );
  const has = async (session: Queryable, sql: string, values: readonly unknown[] = []) =>
    (await session.query(sql, values)).rows.length > 0;
  return side.database.withTransaction(
    'repeatable read, read only',
    async (session) => {
      const isNull = columns.map((column) => `${column} is null`).join(' or ');
      const nulls = `select 1 from ${side.relation} where (${isNull}) and ${side.filter} limit 1`;
      if (!comparison.keyNullable && (await has(session, nulls))) return fault('is NULL for some rows');
      // Hashes are cheaper to group than keys, and do not repeat by chance but once in billions of tables.
      const { rows } = await session.query<{ hash: string }>(
        `select ${side.keyHash} as hash from ${side.relation} where ${side.filter}
          group by 1 having count(*) > 1 limit 1000`,
      );
      if (rows.length === 0) return null;
      const repeats = `select 1 from ${side.relation} where ${side.filter} and ${side.keyHash} = any ($1::bigint[])
        group by ${columns.map((column) => `${column} collate "C"`).join(', ')} having count(*) > 1 limit 1`;
      return (await has(session, repeats, [rows.map((row) => row.hash)])) ? fault('is not unique') : null;
    },
    signal,
  );
}

async function boundariesOf(
  side: Side,
  chunkRows: number,
  signal: AbortSignal | undefined,
  progress: Progress,
): Promise<Boundaries> {
  const rows = await estimateRows(side, signal);
  return side.database.withTransaction(
    'repeatable read, read only',
    async (session) => {
      const low = await edgeKey(session, side, 'asc');
      if (low === null) return { bounds: [], low: null, high: null };
      const high = await edgeKey(session, side, 'desc');
      const bounds =
        isWorthSampling(rows, chunkRows) && (await isSampled(session, side))
          ? await sampleBoundaries(session, side, chunkRows)
          : await jumpBoundaries(session, side, chunkRows, low, progress);
      return { bounds, low, high };
    },
    signal,
  );
}

async function edgeKey(session: Queryable, side: Side, direction: 'asc' | 'desc'): Promise<KeyBound | null> {
  const { rows } = await session.query<Record<string, string>>(
    `select ${keyColumns(side)} from ${side.relation} where ${side.filter} order by ${orderBy(side, direction)} limit 1`,
  );
  return rows[0] ? boundOf(side, rows[0]) : null;
}

/** Jumps along the index: together the jumps read it once. */
async function jumpBoundaries(
  session: Queryable,
  side: Side,
  chunkRows: number,
  low: KeyBound,
  progress: Progress,
): Promise<readonly KeyBound[]> {
  const bounds: KeyBound[] = [];
  for (let last = low; ;) {
    const parameters = new Parameters();
    const from = boundTuple(side, last, parameters);
    const { rows } = await session.query<Record<string, string>>(
      `select ${keyColumns(side)} from ${side.relation} where ${keyTuple(side)} >= ${from} and ${side.filter}
        order by ${orderBy(side)} offset ${parameters.add(String(chunkRows), 'bigint')} limit 1`,
      parameters.values,
    );
    if (!rows[0]) return bounds;
    last = boundOf(side, rows[0]);
    bounds.push(last);
    progress.onBoundary?.();
  }
}

/** Merges both sides' boundaries; the database sorts them, as only it knows the order of every key type. */
async function mergeBoundaries(
  side: Side,
  source: readonly KeyBound[],
  target: readonly KeyBound[],
): Promise<readonly KeyBound[]> {
  const [base, other] = source.length >= target.length ? [source, target] : [target, source];
  if (other.length === 0) return base;
  const parameters = new Parameters();
  const all = [...base, ...other];
  const arrays = keyArrays(side, all, parameters);
  const names = side.key.map((_, i) => alias('w', i));
  const { rows } = await side.database.query<{ n: string }>(
    `select n from unnest(${arrays.join(', ')}) with ordinality as bounds(${names.join(', ')}, n)
      order by ${names.map((name, i) => name + (side.key[i]?.collate ?? '')).join(', ')}, n`,
    parameters.values,
  );
  return thinBoundaries(
    rows.map((row) => {
      const at = Number(row.n) - 1;
      return { bound: all[at] ?? [], isBase: at < base.length };
    }),
  );
}

/** Keeps every boundary of the base, and of the other side only those that stand alone in a crowd of their own. */
export function thinBoundaries(
  sorted: readonly { readonly bound: KeyBound; readonly isBase: boolean }[],
): readonly KeyBound[] {
  const kept: KeyBound[] = [];
  let passed = 0;
  for (const { bound, isBase } of sorted) {
    const last = kept.at(-1);
    if (last && last.every((value, i) => value === bound[i])) {
      passed = 0;
      continue;
    }
    passed += isBase ? 0 : 1;
    if (!isBase && passed < 2) continue;
    kept.push(bound);
    passed = 0;
  }
  return kept;
}

function outerKeys(a: Boundaries, b: Boundaries) {
  const first = (key: KeyBound | null) => (key?.[0] === undefined ? [] : [BigInt(key[0])]);
  const lows = [...first(a.low), ...first(b.low)];
  const highs = [...first(a.high), ...first(b.high)];
  const least = lows.reduce<bigint | null>((least, key) => (least === null || key < least ? key : least), null);
  const most = highs.reduce<bigint | null>((most, key) => (most === null || key > most ? key : most), null);
  return { low: least === null ? null : [String(least)], high: most === null ? null : [String(most)] };
}

function toChunks(bounds: readonly KeyBound[], low: KeyBound | null, high: KeyBound | null): readonly ChunkRange[] {
  return Array.from({ length: bounds.length + 1 }, (_, i) => ({
    kind: 'range',
    from: bounds[i - 1] ?? null,
    to: bounds[i] ?? null,
    low: i === 0 ? low : null,
    high: i === bounds.length ? high : null,
    slices: null,
  }));
}
