import type { Queryable } from '../database/connection';

/** When what of a run was purged, and by whom; null: nobody said. */
export interface Purged {
  readonly at: string;
  readonly by: string | null;
}

/**
 * Whether the before-images of a run were purged, or, of `findings`, what it found too. Until the transaction ends no
 * purge takes the run: to be called in the one that enters what needs it.
 */
export async function lockAgainstPurge(
  session: Queryable,
  runId: string,
  extent: 'images' | 'findings',
): Promise<Purged | null> {
  await session.query('select 1 from run where run_id = $1 for share', [runId]);
  const { rows } = await session.query<{ at: string; requested_by: string | null }>(
    `select to_char(p.started_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"') as at, p.requested_by
       from purge_run r join purge p using (purge_id)
      where r.run_id = $1 and (p.findings or $2 = 'images') order by p.started_at limit 1`,
    [runId, extent],
  );
  const row = rows[0];
  return row ? { at: row.at, by: row.requested_by } : null;
}

/** `purged 2026-03-01 12:00:05 UTC by ann@host`. */
export function purgedText({ at, by }: Purged): string {
  return `purged ${at}${by === null ? '' : ` by ${by}`}`;
}
