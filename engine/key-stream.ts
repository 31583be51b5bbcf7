import type { KeyBound } from '../contracts/chunk';
import type { Queryable } from '../database/connection';
import type { Sides } from './compare-chunk';
import { keyText } from './key';
import { settledBoth } from './locate';
import { alias, boundOf } from './range';
import type { Side } from './side';

const FETCH = 2_000;

interface Ranked {
  readonly rank: bigint;
  readonly key: KeyBound;
}

/** Keys of a side in the order of a number that both sides make of them alike. `limit`: of so many at the most. */
export interface KeyOrder {
  /** SQL for that number. */
  readonly rank: (side: Side) => string;
  readonly limit: number | null;
}

async function* streamSide(session: Queryable, side: Side, { rank, limit }: KeyOrder): AsyncGenerator<Ranked> {
  const keys = side.key.map((column, i) => `${column.text} collate "C" as ${alias('k', i)}`).join(', ');
  const order = ['"trueup:rank"', ...side.key.map((_, i) => alias('k', i))].join(', ');
  // The order goes on with the key, so that a limit cuts alike where two keys have one number.
  await session.query(
    `declare keys no scroll cursor for
       select ${rank(side)} as "trueup:rank", ${keys} from ${side.relation} where ${side.filter}
        order by ${order}${limit === null ? '' : ` limit ${limit}`}`,
  );
  for (;;) {
    const { rows } = await session.query<Record<string, string>>(`fetch ${FETCH} from keys`);
    for (const row of rows) yield { rank: BigInt(row['trueup:rank'] ?? '0'), key: boundOf(side, row) };
    if (rows.length < FETCH) break;
  }
  await session.query('close keys');
}

/** The keys of one number, of one side. */
async function* byRank(ranked: AsyncGenerator<Ranked>) {
  let rank: bigint | null = null;
  let keys: KeyBound[] = [];
  for await (const next of ranked) {
    if (rank !== null && next.rank !== rank) {
      yield { rank, keys };
      keys = [];
    }
    rank = next.rank;
    keys.push(next.key);
  }
  if (rank !== null) yield { rank, keys };
}

/** The keys that either side has, each once, in their order; memory does not grow with their number. */
export async function* unionOfKeys(
  sessions: { readonly source: Queryable; readonly target: Queryable },
  sides: Sides,
  order: KeyOrder,
): AsyncGenerator<KeyBound> {
  const source = byRank(streamSide(sessions.source, sides.source, order));
  const target = byRank(streamSide(sessions.target, sides.target, order));
  let [s, t] = await settledBoth(source.next(), target.next());
  while (!s.done || !t.done) {
    const takesSource = !s.done && (t.done || s.value.rank <= t.value.rank);
    const takesTarget = !t.done && (s.done || t.value.rank <= s.value.rank);
    const keys = [...(takesSource && !s.done ? s.value.keys : []), ...(takesTarget && !t.done ? t.value.keys : [])];
    const unique = new Map(keys.map((key) => [keyText(key), key]));
    for (const [, key] of [...unique].sort(([a], [b]) => (a < b ? -1 : 1))) yield key;
    if (takesSource) s = await source.next();
    if (takesTarget) t = await target.next();
  }
}
