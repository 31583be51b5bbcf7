import type { KeyRange } from '../contracts/chunk';
import { TrueupError } from '../contracts/errors';
import type { Queryable } from '../database/connection';
import { keyText, type KeyValues } from './key';
import { alias, Parameters, rangeCondition } from './range';
import type { Side } from './side';
import { fromRanges, sliceExpression, type SliceLayout } from './slice';

/** Rows fetched from a cursor at a time; with four chunks at once this is what bounds the memory. */
const FETCH = 5_000;
/** Fetched at a time where all values of a row are its key. */
const FETCH_WIDE = 500;

/** A key for which the sides disagree, and what each has of it: a row's hash, or the number of equal rows; null: none. */
export interface Located {
  readonly key: KeyValues;
  readonly source: string | null;
  readonly target: string | null;
}

/** Whether rows are told apart by their key, or counted where they are equal. */
type What = 'hashes' | 'counts';

interface KeyAndHash {
  readonly keyHash: bigint;
  readonly key: KeyValues;
  readonly rowHash: string;
}

/** Key and row hash (or number of rows) of every row of a layout's slices, ordered by the hash of the key. */
async function* streamHashes(
  session: Queryable,
  side: Side,
  range: KeyRange,
  layout: SliceLayout,
  what: What,
): AsyncGenerator<KeyAndHash> {
  const parameters = new Parameters();
  // Grouping must not take two texts for one that the column's collation calls equal.
  const collate = what === 'counts' ? ' collate "C"' : '';
  const keys = side.key.map((column, i) => `${column.text}${collate} as ${alias('k', i)}`).join(', ');
  const groups = what === 'counts' ? ` group by 1, ${side.key.map((_, i) => i + 3).join(', ')}` : '';
  const fetch = what === 'counts' ? FETCH_WIDE : FETCH;
  const select = `${side.keyHash} as "trueup:key", ${what === 'counts' ? 'count(*)' : side.rowHash} as "trueup:row", ${keys}`;
  const statement =
    layout.kind === 'ranges'
      ? `select "trueup:rows".* from ${fromRanges(side, layout, select, parameters)}`
      : `select ${select} from ${side.relation} where ${rangeCondition(side, range, parameters)}
           and ${sliceExpression(side, layout)} = any (${parameters.add(layout.only, 'bigint[]')})${groups}`;
  await session.query(`declare located no scroll cursor for ${statement} order by "trueup:key"`, parameters.values);
  for (;;) {
    const { rows } = await session.query<Record<string, string | null>>(`fetch ${fetch} from located`);
    for (const row of rows) {
      yield {
        keyHash: BigInt(row['trueup:key'] ?? '0'),
        key: side.key.map((_, i) => row[`trueup:k${i}`] ?? null),
        rowHash: row['trueup:row'] ?? '',
      };
    }
    if (rows.length < fetch) break;
  }
  await session.query('close located');
}

/** Groups a stream ordered by key hash into the rows of one hash each. */
async function* groups(stream: AsyncGenerator<KeyAndHash>, side: Side) {
  let hash: bigint | null = null;
  let rows = new Map<string, KeyAndHash>();
  for await (const row of stream) {
    if (hash !== null && row.keyHash !== hash) {
      yield { hash, rows };
      rows = new Map();
    }
    hash = row.keyHash;
    const text = keyText(row.key);
    if (rows.has(text)) {
      throw new TrueupError('KEY_UNUSABLE', `the key is not unique in ${side.relation} of the ${side.role}`);
    }
    rows.set(text, row);
  }
  if (hash !== null) yield { hash, rows };
}

/**
 * The keys whose rows disagree in a layout's slices: on one side only, or with another row hash or number. Merges two
 * streams that are ordered by the hash of the key, so that memory does not grow with the slices and no order of any key
 * type or collation has to be known here.
 */
export async function* locate(
  sessions: { readonly source: Queryable; readonly target: Queryable },
  sides: { readonly source: Side; readonly target: Side },
  range: KeyRange,
  layout: SliceLayout,
  what: What = 'hashes',
): AsyncGenerator<Located> {
  const stream = (role: 'source' | 'target') =>
    groups(streamHashes(sessions[role], sides[role], range, layout, what), sides[role]);
  const [source, target] = [stream('source'), stream('target')];
  let [s, t] = await settledBoth(source.next(), target.next());
  while (!s.done || !t.done) {
    if (t.done || (!s.done && s.value.hash < t.value.hash)) {
      if (!s.done) for (const { key, rowHash } of s.value.rows.values()) yield { key, source: rowHash, target: null };
      s = await source.next();
    } else if (s.done || t.value.hash < s.value.hash) {
      for (const { key, rowHash } of t.value.rows.values()) yield { key, source: null, target: rowHash };
      t = await target.next();
    } else {
      for (const [text, { key, rowHash }] of s.value.rows) {
        const other = t.value.rows.get(text)?.rowHash ?? null;
        if (other !== rowHash) yield { key, source: rowHash, target: other };
      }
      for (const [text, { key, rowHash }] of t.value.rows) {
        if (!s.value.rows.has(text)) yield { key, source: null, target: rowHash };
      }
      [s, t] = await settledBoth(source.next(), target.next());
    }
  }
}

/** Waits for both, also when one fails: a session must not be given back while its statement still runs. */
export async function settledBoth<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  const [first, second] = await Promise.allSettled([a, b]);
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
  return [first.value, second.value];
}
