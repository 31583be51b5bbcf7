import type { Queryable } from '../database/connection';

/** A run that the ledger holds for open, and the execution of a workflow that is to end it. */
export interface OpenRun {
  readonly runId: string;
  readonly kind: 'reconcile' | 'undo' | 'review';
  readonly workflowId: string;
  readonly executionId: string;
  /** Milliseconds since it was entered, by the ledger's clock. */
  readonly ageMs: number;
}

export interface OpenRunScope {
  /** IDs of runs or of workflows, also of what undoes them; null: all. */
  readonly runs: readonly string[] | null;
  /** ISO time: those that began before it; null: all. */
  readonly before: string | null;
}

/** The oldest runs that have not ended, of those that are asked for. */
export async function listOpenRuns(ledger: Queryable, { runs, before }: OpenRunScope, limit: number) {
  const { rows } = await ledger.query<
    Record<'run_id' | 'workflow_id' | 'first_execution_run_id' | 'age', string> & { kind: OpenRun['kind'] }
  >(
    `select run_id, kind, workflow_id, first_execution_run_id,
            trunc(extract(epoch from clock_timestamp() - started_at) * 1000) as age
       from run
      where ended_at is null
        and ($1::text[] is null or run_id = any ($1::text[]) or workflow_id = any ($1::text[]) or undo_of = any ($1::text[]))
        and ($2::timestamptz is null or started_at < $2::timestamptz)
      order by started_at, run_id limit $3`,
    [runs, before, limit],
  );
  return rows.map((row): OpenRun => ({
    runId: row.run_id,
    kind: row.kind,
    workflowId: row.workflow_id,
    executionId: row.first_execution_run_id,
    ageMs: Number(row.age),
  }));
}

/** Keeps others from ending a run until the transaction ends; false: it has ended. */
export async function holdOpenRun(session: Queryable, runId: string): Promise<boolean> {
  const { rows } = await session.query('select 1 from run where run_id = $1 and ended_at is null for no key update', [
    runId,
  ]);
  return rows.length > 0;
}
