import type { RecordedResolution, ResolveMessage, ReviewResolution } from '../contracts/review';
import type { Queryable } from '../database/connection';
import { isoTime } from './review';

/** Writes down what was resolved; its plan's digest stands with the run. */
export async function insertResolution(
  session: Queryable,
  runId: string,
  message: ResolveMessage,
  counts: { readonly reviews: number; readonly leftOut: number },
): Promise<void> {
  await session.query(
    `insert into review_resolution (run_id, resolution, reviewer, notes, selection, custom_values, as_of, reviews, left_out)
     values ($1, $2, $3, $4, $5::jsonb, $6::jsonb, $7::timestamptz, $8, $9)`,
    [
      runId,
      message.resolution,
      message.reviewer,
      message.notes,
      JSON.stringify(message.selection),
      message.values === null ? null : JSON.stringify(message.values),
      message.asOf,
      counts.reviews,
      counts.leftOut,
    ],
  );
}

type ResolutionRow = Record<
  'run_id' | 'reviewer' | 'reviews' | 'left_out' | 'corrections' | 'closed' | 'recorded_at',
  string
> & {
  readonly resolution: ReviewResolution;
  readonly notes: string | null;
  readonly plan_digest: string | null;
};

const RECORDED = `select v.run_id, v.resolution, v.reviewer, v.notes, v.reviews, v.left_out, r.plan_digest,
       (select count(*) from plan_item p where p.run_id = v.run_id) as corrections,
       (select count(*) from manual_review_queue q
         where q.resolution_run_id = v.run_id and q.status = 'REVIEWED') as closed,
       ${isoTime('v.recorded_at')} as recorded_at
  from review_resolution v join run r using (run_id)`;

function toRecorded(row: ResolutionRow): RecordedResolution {
  return {
    runId: row.run_id,
    resolution: row.resolution,
    reviewer: row.reviewer,
    notes: row.notes,
    reviews: Number(row.reviews),
    leftOut: Number(row.left_out),
    corrections: Number(row.corrections),
    planDigest: row.plan_digest ?? '',
    recordedAt: row.recorded_at,
  };
}

/** The resolution that the run of a workflow's execution carries out; null: none was recorded. */
export async function readResolution(
  ledger: Queryable,
  firstExecutionRunId: string,
): Promise<RecordedResolution | null> {
  const { rows } = await ledger.query<ResolutionRow>(`${RECORDED} where r.first_execution_run_id = $1`, [
    firstExecutionRunId,
  ]);
  return rows[0] ? toRecorded(rows[0]) : null;
}

/** The resolution that a run carries out, and how many of its entries it has closed; null: none was recorded. */
export async function readRunResolution(
  ledger: Queryable,
  runId: string,
): Promise<(RecordedResolution & { readonly closed: number }) | null> {
  const { rows } = await ledger.query<ResolutionRow>(`${RECORDED} where v.run_id = $1`, [runId]);
  return rows[0] ? { ...toRecorded(rows[0]), closed: Number(rows[0].closed) } : null;
}
