import type { CheckKind } from '../contracts/check';
import type { Queryable } from '../database/connection';
import type { Replay } from '../database/standby';

/** What is read again and again until it has settled: the rows of a table, or a check. */
export interface Subject {
  readonly runId: string;
  readonly kind: 'rows' | CheckKind;
  readonly subject: string;
}

export type Replays = Readonly<Record<'source' | 'target', Replay | null>>;

const given = ({ source, target }: Replays) =>
  Object.entries({ source, target }).flatMap(([side, replay]) => (replay === null ? [] : [{ side, ...replay }]));
const ONE = 'run_id = $1 and kind = $2 and subject = $3';

/** Notes how far the standbys are before a reading; of several attempts at it, the first stands: it is the furthest behind. */
export async function noteReplayed(
  ledger: Queryable,
  { runId, kind, subject }: Subject,
  reading: number,
  replays: Replays,
  why: string | null,
): Promise<void> {
  const found = given(replays);
  if (found.length === 0) return;
  await ledger.query(
    `insert into replay (run_id, kind, subject, reading, side, replayed, replayed_until, why)
     select $1, $2, $3, $4, r ->> 'side', case when not (r ->> 'paused')::boolean then (r ->> 'replayed')::pg_lsn end,
            (r ->> 'replayedUntil')::timestamptz, case when (r ->> 'paused')::boolean then 'its replay is paused' else $6 end
       from jsonb_array_elements($5::jsonb) as t(r)
     on conflict do nothing`,
    [runId, kind, subject, reading, JSON.stringify(found), why],
  );
}

/** Notes what the standbys have received after a reading: what it saw may lack all of that. */
export async function noteReceived(
  ledger: Queryable,
  { runId, kind, subject }: Subject,
  reading: number,
  replays: Replays,
): Promise<void> {
  const found = given(replays);
  if (found.length === 0) return;
  await ledger.query(
    `insert into replay as o (run_id, kind, subject, reading, side, received, streaming, seen_at)
     select $1, $2, $3, $4, r ->> 'side', (r ->> 'received')::pg_lsn, (r ->> 'streaming')::boolean, (r ->> 'at')::timestamptz
       from jsonb_array_elements($5::jsonb) as t(r)
     on conflict (run_id, kind, subject, reading, side) do update
        set received = greatest(o.received, excluded.received), seen_at = greatest(o.seen_at, excluded.seen_at),
            streaming = coalesce(o.streaming, true) and excluded.streaming`,
    [runId, kind, subject, reading, JSON.stringify(found)],
  );
}

/** What each standby has to have replayed for a reading now to confirm all that was seen before it. */
export async function readWanted(
  ledger: Queryable,
  { runId, kind, subject }: Subject,
  reading: number,
): Promise<ReadonlyMap<string, { readonly position: string; readonly until: string | null }>> {
  const { rows } = await ledger.query<{ side: string; received: string; until: string | null }>(
    `select side, max(received)::text as received, (max(seen_at) filter (where not streaming))::text as until
       from replay where ${ONE} and reading < $4 and received is not null group by side`,
    [runId, kind, subject, reading],
  );
  return new Map(rows.map(({ side, received, until }) => [side, { position: received, until }]));
}

/**
 * The readings for which no later one, with all that each standby had received then, has been made: what was first seen in
 * them is not confirmed. Where a side was a standby at first and none later, as after a promotion, nothing is.
 */
export async function unconfirmedReadings(
  ledger: Queryable,
  { runId, kind, subject }: Subject,
): Promise<{ readonly readings: readonly number[]; readonly why: string | null }> {
  const { rows } = await ledger.query<{ readings: string; why: string | null }>(
    `with mine as (select * from replay where ${ONE}),
     open as (
       select s.side, n.reading
         from (select distinct side from mine) as s, generate_series(0, (select max(reading) from mine)) as n(reading)
        where not exists (
                select from mine i join mine j using (side)
                 where i.side = s.side and i.reading >= n.reading and j.reading > i.reading and j.replayed >= i.received
                   and (i.streaming or j.replayed_until > i.seen_at)))
     select to_json(array(select distinct reading from open order by 1)) as readings,
            (select string_agg(distinct 'the ' || m.side || ' is a standby that had received ' || coalesce(f.received::text, '?')
                      || case when f.streaming then '' else ' (without streaming)' end || ' when they were seen, and '
                      || coalesce('had replayed ' || m.replayed || ' when they were read last', 'was not read again with more of it replayed')
                      || coalesce(': ' || m.why, ''), '; ')
               from (select distinct on (side) * from mine order by side, replayed desc nulls last, reading desc) as m
                    join (select distinct on (side) * from mine where received is not null order by side, reading) as f using (side)
              where m.side in (select side from open where reading = (select min(reading) from open))) as why`,
    [runId, kind, subject],
  );
  const row = rows[0];
  return { readings: JSON.parse(row?.readings ?? '[]') as number[], why: row?.why ?? null };
}
