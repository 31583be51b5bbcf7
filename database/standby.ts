import type { Queryable } from './connection';

/** How far a standby is with replaying what its primary wrote. */
export interface Replay {
  /** As text, like `0/3000148`. */
  readonly replayed: string;
  /** When the last transaction that it replayed was committed, by its primary's clock; null: none since it started. */
  readonly replayedUntil: string | null;
  /** All that it is known to have received; where the user may see it, all that its primary had written. */
  readonly received: string;
  /** Whether a process receives WAL; where not, it comes from an archive, and nobody knows what is to come. */
  readonly streaming: boolean;
  /** The standby's clock. */
  readonly at: string;
  readonly paused: boolean;
  /** What it waits on purpose before it replays a commit, in milliseconds. */
  readonly delayMs: number;
}

/** Reads how far a standby is; null: the server is none. To be asked outside a transaction that holds a snapshot. */
export async function readReplay(session: Queryable): Promise<Replay | null> {
  const { rows } = await session.query<{
    replayed: string | null;
    until: string | null;
    received: string | null;
    streaming: string;
    at: string;
    paused: string;
    delay: string;
  }>(
    `select pg_last_wal_replay_lsn()::text as replayed, pg_last_xact_replay_timestamp()::text as until,
            greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn(),
                     (select latest_end_lsn from pg_stat_wal_receiver))::text as received,
            exists (select from pg_stat_wal_receiver) as streaming, clock_timestamp()::text as at,
            case when pg_is_in_recovery() then pg_get_wal_replay_pause_state() <> 'not paused' else false end as paused,
            (select setting from pg_settings where name = 'recovery_min_apply_delay') as delay
      where pg_is_in_recovery()`,
  );
  const row = rows[0];
  if (!row) return null;
  return {
    replayed: row.replayed ?? '0/0',
    replayedUntil: row.until,
    received: row.received ?? '0/0',
    streaming: row.streaming === 't',
    at: row.at,
    paused: row.paused === 't',
    delayMs: Number(row.delay),
  };
}

/** A position in the WAL as a number that can be compared. */
export function positionOf(text: string): bigint {
  const [high = '0', low = '0'] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}
