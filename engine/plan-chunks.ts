import type { ChunkRange, KeyBound } from '../contracts/chunk';
import type { Comparison } from '../contracts/comparison';
import { TrueupError } from '../contracts/errors';
import type { Queryable } from '../database/connection';
import type { Sides } from './compare-chunk';
import { settledBoth } from './locate';
import { alias, boundTuple, keyTuple, Parameters } from './range';
import type { Side } from './side';

interface Progress {
  /** Called after each boundary found. */
  readonly onBoundary?: () => void;
}

/**
 * Cuts a table pair into chunks of about `chunkRows` rows by walking the key, not by arithmetic on it: gaps cost
 * nothing. The side with more rows sets the boundaries; where the other one is denser, boundaries of its own are put
 * between. The outer chunks are open, so that every row of either side lies in exactly one chunk.
 *
 * @throws KEY_UNUSABLE when the key repeats or is NULL and no constraint forbids it.
 */
export async function planChunks(
  comparison: Comparison,
  sides: Sides,
  chunkRows: number,
  signal?: AbortSignal,
  progress: Progress = {},
): Promise<readonly ChunkRange[]> {
  await settledBoth(checkKey(comparison, sides.source, signal), checkKey(comparison, sides.target, signal));
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

async function checkKey(comparison: Comparison, side: Side, signal?: AbortSignal): Promise<void> {
  if (comparison.keyProven[side.role]) return;
  const columns = side.key.map((column) => column.text);
  const fail = (why: string) =>
    new TrueupError(
      'KEY_UNUSABLE',
      `table ${comparison.pair.name}: key (${side.key.map((column) => column.name).join(', ')}) ${why} in the ${side.role}`,
    );
  await side.database.withTransaction(
    'repeatable read, read only',
    async (session) => {
      const nulls = await session.query(
        `select 1 from ${side.relation} where (${columns.map((column) => `${column} is null`).join(' or ')})
            and ${side.filter} limit 1`,
      );
      if (nulls.rows.length > 0) throw fail('is NULL for some rows');
      const repeats = await session.query(
        `select 1 from ${side.relation} where ${side.filter} group by ${columns.join(', ')} having count(*) > 1 limit 1`,
      );
      if (repeats.rows.length > 0) throw fail('is not unique');
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
  return side.database.withTransaction(
    'repeatable read, read only',
    async (session) => {
      const low = await edgeKey(session, side, 'asc');
      if (low === null) return { bounds: [], low: null, high: null };
      const high = side.indexed ? await edgeKey(session, side, 'desc') : null;
      const bounds = side.indexed
        ? await jumpBoundaries(session, side, chunkRows, low, progress)
        : await scanBoundaries(session, side, chunkRows, progress);
      return { bounds, low, high };
    },
    signal,
  );
}

const keyColumns = (side: Side) => side.key.map((column, i) => `${column.text} as ${alias('k', i)}`).join(', ');
const orderBy = (side: Side, direction: 'asc' | 'desc' = 'asc') =>
  side.key.map((column) => `${column.ordered} ${direction}`).join(', ');
const toBound = (side: Side, row: Record<string, string>): KeyBound =>
  side.key.map((_, i) => row[`trueup:k${i}`] ?? '');

async function edgeKey(session: Queryable, side: Side, direction: 'asc' | 'desc'): Promise<KeyBound | null> {
  const { rows } = await session.query<Record<string, string>>(
    `select ${keyColumns(side)} from ${side.relation} where ${side.filter} order by ${orderBy(side, direction)} limit 1`,
  );
  return rows[0] ? toBound(side, rows[0]) : null;
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
    last = toBound(side, rows[0]);
    bounds.push(last);
    progress.onBoundary?.();
  }
}

/** Where no index gives the order, one sort of the keys does. */
async function scanBoundaries(
  session: Queryable,
  side: Side,
  chunkRows: number,
  progress: Progress,
): Promise<readonly KeyBound[]> {
  const bounds: KeyBound[] = [];
  await session.query(
    `declare boundaries no scroll cursor for
       select * from (select ${keyColumns(side)}, row_number() over (order by ${orderBy(side)}) as n
                        from ${side.relation} where ${side.filter}) as numbered
        where n > 1 and (n - 1) % $1::bigint = 0 order by n`,
    [String(chunkRows)],
  );
  for (;;) {
    const { rows } = await session.query<Record<string, string>>('fetch 5000 from boundaries');
    bounds.push(...rows.map((row) => toBound(side, row)));
    progress.onBoundary?.();
    if (rows.length < 5_000) return bounds;
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
  const arrays = side.key.map((column, i) =>
    parameters.add(
      all.map((bound) => bound[i]),
      `${column.boundType}[]`,
    ),
  );
  const names = side.key.map((_, i) => alias('w', i));
  // The bounds come from `ordered`, so the same collation orders them here.
  const collate = (i: number) => (side.key[i]?.boundType === 'text' ? ' collate "C"' : '');
  const { rows } = await side.database.query<{ n: string }>(
    `select n from unnest(${arrays.join(', ')}) with ordinality as bounds(${names.join(', ')}, n)
      order by ${names.map((name, i) => name + collate(i)).join(', ')}, n`,
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
    from: bounds[i - 1] ?? null,
    to: bounds[i] ?? null,
    low: i === 0 ? low : null,
    high: i === bounds.length ? high : null,
  }));
}
