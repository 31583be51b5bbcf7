import type { ChunkRange, KeyBound } from '../contracts/chunk';
import type { Comparison } from '../contracts/comparison';
import type { SampleTerms } from '../contracts/sample';
import type { Queryable } from '../database/connection';
import { changedSide, type Moments } from './change-time';
import { withSnapshots, type Sides } from './compare-chunk';
import { sampleSize } from './estimate';
import { seededHash } from './hash';
import { keyText } from './key';
import { unionOfKeys } from './key-stream';
import { settledBoth } from './locate';
import { keyColumns, Parameters } from './range';
import { fromKeys, keyOf } from './row';
import type { Side } from './side';

interface Sessions {
  readonly source: Queryable;
  readonly target: Queryable;
}

/** Keys of a chunk at the most, and characters of them, about. */
const CHUNK_KEYS = 2_000;
const CHUNK_CHARACTERS = 500_000;

/** The keys in chunks; an empty one where there are none. */
export async function* keyChunks(keys: AsyncIterable<KeyBound>): AsyncGenerator<ChunkRange> {
  let some: KeyBound[] = [];
  let [characters, isEmpty] = [0, true];
  const chunk = (): ChunkRange => {
    const full = some;
    [some, characters] = [[], 0];
    return { kind: 'keys', from: null, to: null, low: null, high: null, slices: null, keys: full };
  };
  for await (const key of keys) {
    some.push(key);
    isEmpty = false;
    characters += key.reduce((sum, text) => sum + text.length, 0);
    if (some.length >= CHUNK_KEYS || characters >= CHUNK_CHARACTERS) yield chunk();
  }
  if (some.length > 0 || isEmpty) yield chunk();
}

/** One snapshot of each side, in which the one may wait for the other's scan. */
function withPatientSnapshots<T>(sides: Sides, use: (sessions: Sessions) => Promise<T>, signal?: AbortSignal) {
  return withSnapshots(
    sides,
    async (sessions) => {
      const wait = (session: Queryable) => session.query('set local idle_in_transaction_session_timeout = 0');
      await settledBoth(wait(sessions.source), wait(sessions.target));
      return use(sessions);
    },
    signal,
  );
}

/**
 * Gives `use` the keys of all rows that changed on either side since, and then those of `others` that did not; each once,
 * if `others` has each once.
 */
export async function withChangedKeys<T>(
  comparison: Comparison,
  sides: Sides,
  since: Moments,
  others: AsyncIterable<readonly KeyBound[]>,
  use: (keys: AsyncGenerator<KeyBound>) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const changed: Sides = {
    source: changedSide(comparison, sides.source, since.source),
    target: changedSide(comparison, sides.target, since.target),
  };
  async function* keys(sessions: Sessions): AsyncGenerator<KeyBound> {
    yield* unionOfKeys(sessions, changed, { rank: ({ keyHash }) => keyHash, limit: null });
    for await (const page of others) {
      const [source, target] = await settledBoth(
        presentKeys(sessions.source, changed.source, page),
        presentKeys(sessions.target, changed.target, page),
      );
      yield* page.filter((key) => !source.has(keyText(key)) && !target.has(keyText(key)));
    }
  }
  return withPatientSnapshots(sides, (sessions) => use(keys(sessions)), signal);
}

/** Which of the keys a side has rows of. */
async function presentKeys(session: Queryable, side: Side, keys: readonly KeyBound[]): Promise<ReadonlySet<string>> {
  if (keys.length === 0) return new Set();
  const parameters = new Parameters();
  const { rows } = await session.query<Record<string, string | null>>(
    `select ${keyColumns(side)} ${fromKeys(side, keys, parameters)}`,
    parameters.values,
  );
  return new Set(rows.map((row) => keyOf(side, row)));
}

/** How many rows with a key each side has, and how many of both together are to be drawn. */
export interface SampleFrame {
  readonly rowsSource: number;
  readonly rowsTarget: number;
  readonly wanted: number;
}

/**
 * Gives `use` the keys of a sample: of all keys that either side has, those whose hash under the seed is lowest. Each is as
 * likely to be drawn as any other, whatever its type and wherever it lies, and rows of one side only are drawn like others.
 */
export async function withSampledKeys<T>(
  comparison: Comparison,
  sides: Sides,
  terms: SampleTerms,
  use: (keys: AsyncGenerator<KeyBound>, frame: SampleFrame) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  return withPatientSnapshots(
    sides,
    async (sessions) => {
      const [rowsSource, rowsTarget] = await settledBoth(
        countRows(sessions.source, sides.source),
        countRows(sessions.target, sides.target),
      );
      const wanted = terms.rows ?? sampleSize(Math.max(rowsSource, rowsTarget), terms);
      const rank = ({ keyHash }: Side) => seededHash(keyHash, terms.seed, comparison.hash);
      const keys = first(wanted, unionOfKeys(sessions, sides, { rank, limit: wanted }));
      return use(keys, { rowsSource, rowsTarget, wanted });
    },
    signal,
  );
}

async function countRows(session: Queryable, side: Side): Promise<number> {
  const { rows } = await session.query<{ n: string }>(
    `select count(*) as n from ${side.relation} where ${side.filter}`,
  );
  return Number(rows[0]?.n ?? 0);
}

async function* first(n: number, keys: AsyncGenerator<KeyBound>): AsyncGenerator<KeyBound> {
  let left = n;
  for await (const key of keys) {
    if (left <= 0) return;
    yield key;
    left -= 1;
  }
}
