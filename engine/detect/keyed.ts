import type { Queryable } from '../../database/connection';
import { keyText, type KeyValues } from '../key';
import { settledBoth } from '../locate';
import type { Role } from '../side';

/** A statement that gives, in the order of `"trueup:hash"`, the columns `"trueup:k0"` … and `"trueup:v0"` …, as text. */
export interface KeyedQuery {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  readonly keys: number;
  readonly values: number;
}

/** What both sides have under one key; null: nothing. */
export interface KeyedPair {
  /** The number by which both sides are ordered; others may have the same one. */
  readonly hash: bigint;
  readonly key: KeyValues;
  readonly source: KeyValues | null;
  readonly target: KeyValues | null;
}

interface Both<T> {
  readonly source: T;
  readonly target: T;
}

/** Rows fetched from a cursor at a time. */
const FETCH = 1_000;

interface Bucket {
  readonly hash: bigint;
  readonly rows: ReadonlyMap<string, { readonly key: KeyValues; readonly values: KeyValues }>;
}

/** The rows of a statement, those of one hash at a time. */
async function* buckets(session: Queryable, query: KeyedQuery, onRepeat: () => Error): AsyncGenerator<Bucket> {
  await session.query(`declare keyed no scroll cursor for ${query.sql}`, query.parameters);
  let hash: bigint | null = null;
  let rows = new Map<string, { readonly key: KeyValues; readonly values: KeyValues }>();
  for (;;) {
    const page = await session.query<Record<string, string | null>>(`fetch ${FETCH} from keyed`);
    for (const row of page.rows) {
      const next = BigInt(row['trueup:hash'] ?? '0');
      if (hash !== null && next !== hash) {
        yield { hash, rows };
        rows = new Map();
      }
      hash = next;
      const texts = (kind: 'k' | 'v', n: number) =>
        Array.from({ length: n }, (_, i) => row[`trueup:${kind}${i}`] ?? null);
      const key = texts('k', query.keys);
      const text = keyText(key);
      if (rows.has(text)) throw onRepeat();
      rows.set(text, { key, values: texts('v', query.values) });
    }
    if (page.rows.length < FETCH) break;
  }
  if (hash !== null) yield { hash, rows };
  await session.query('close keyed');
}

/**
 * The full outer join of two statements by their keys, equal where the texts are, NULL equal to NULL. Memory does not grow
 * with it, and no collation has to sort alike on both sides: both come in the order of a hash that both servers make alike.
 *
 * `onRepeat` makes the error for a side that has a key twice. The sessions have to be inside transactions.
 */
export async function* joinKeyed(
  sessions: Both<Queryable>,
  queries: Both<KeyedQuery>,
  onRepeat: (role: Role) => Error,
): AsyncGenerator<KeyedPair> {
  const read = (role: Role) => buckets(sessions[role], queries[role], () => onRepeat(role));
  const [source, target] = [read('source'), read('target')];
  let [s, t] = await settledBoth(source.next(), target.next());
  while (!s.done || !t.done) {
    const ofSource = s.done || (!t.done && t.value.hash < s.value.hash) ? null : s.value.rows;
    const ofTarget = t.done || (!s.done && s.value.hash < t.value.hash) ? null : t.value.rows;
    const hash = ofSource && !s.done ? s.value.hash : t.done ? 0n : t.value.hash;
    for (const [text, { key, values }] of ofSource ?? []) {
      yield { hash, key, source: values, target: ofTarget?.get(text)?.values ?? null };
    }
    for (const [text, { key, values }] of ofTarget ?? []) {
      if (!ofSource?.has(text)) yield { hash, key, source: null, target: values };
    }
    const [sNow, tNow] = [s, t];
    [s, t] = await settledBoth(
      ofSource ? source.next() : Promise.resolve(sNow),
      ofTarget ? target.next() : Promise.resolve(tNow),
    );
  }
}
