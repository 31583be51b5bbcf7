import type { AuditSummary } from '../contracts/audit';
import type { RunStatus } from '../contracts/run';
import type { RunConfig } from '../contracts/table-pair';
import type { Queryable } from '../database/connection';
import type { Purged } from './purged';

/** What an audit has to know of a run before it looks at anything else. */
export interface AuditedRun {
  readonly runId: string;
  readonly kind: 'reconcile' | 'undo' | 'review';
  readonly status: RunStatus;
  readonly ended: boolean;
  readonly apply: boolean;
  readonly requestedBy: string | null;
  readonly planDigest: string | null;
  readonly config: RunConfig;
  /** Whether the run was begun by a version that makes a chain. */
  readonly chained: boolean;
  readonly chain: AuditSummary['chain'];
  /** What was purged of it; null: nothing. */
  readonly purged: 'images' | 'findings' | null;
  /** When and by whom; null: nothing was. */
  readonly purge: Purged | null;
}

interface Row {
  kind: AuditedRun['kind'];
  status: RunStatus;
  ended: string;
  apply: string;
  requested_by: string | null;
  plan_digest: string | null;
  config: string;
  chained: string;
  entries: string | null;
  head: string | null;
  sealed_entries: string | null;
  sealed_head: string | null;
  sealed_at: string | null;
  purged: 'images' | 'findings' | null;
  purged_at: string | null;
  purged_by: string | null;
}

export async function readAuditedRun(session: Queryable, runId: string): Promise<AuditedRun | null> {
  const { rows } = await session.query<Row>(
    `select r.kind, r.status, r.ended_at is not null as ended, r.apply, r.requested_by, r.plan_digest, r.config, r.chained,
            c.entries, encode(c.head, 'hex') as head, c.sealed_entries, encode(c.sealed_head, 'hex') as sealed_head,
            to_char(c.sealed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as sealed_at,
            case when d.findings then 'findings' when d.findings is not null then 'images' end as purged,
            to_char(d.started_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"') as purged_at,
            d.requested_by as purged_by
       from run r left join chain c using (run_id)
            left join lateral (
              select p.findings, p.started_at, p.requested_by from purge_run g join purge p using (purge_id)
               where g.run_id = r.run_id order by p.findings desc, p.started_at limit 1) as d on true
      where r.run_id = $1`,
    [runId],
  );
  const row = rows[0];
  if (!row) return null;
  const { sealed_entries: entries, sealed_head: head, sealed_at: at } = row;
  return {
    runId,
    kind: row.kind,
    status: row.status,
    ended: row.ended === 't',
    apply: row.apply === 't',
    requestedBy: row.requested_by,
    planDigest: row.plan_digest,
    config: JSON.parse(row.config) as RunConfig,
    chained: row.chained === 't',
    chain:
      row.entries === null || row.head === null
        ? null
        : {
            entries: Number(row.entries),
            head: row.head,
            sealed: entries === null || head === null || at === null ? null : { entries: Number(entries), head, at },
          },
    purged: row.purged,
    purge: row.purged_at === null ? null : { at: row.purged_at, by: row.purged_by },
  };
}
