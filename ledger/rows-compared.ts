import type { Queryable } from '../database/connection';

/** Which rows of a table a run compares, as its planning came to. */
export type RowsCompared = 'all' | 'changed' | 'sample';

/** Texts in UTC without a zone. */
export interface Times {
  readonly source: string;
  readonly target: string;
}

/**
 * Notes which rows of a table are compared, and what the clocks of both sides said before any was read. To be called in the
 * transaction that enters the chunks, with the ledger's own time before any was read. What another attempt that planned
 * has noted stays.
 */
export async function noteRowsCompared(
  session: Queryable,
  runId: string,
  table: string,
  {
    rows,
    beganAt,
    began,
    since,
    note,
  }: {
    readonly rows: RowsCompared;
    readonly beganAt: string;
    readonly began: Times | null;
    readonly since: Times | null;
    readonly note: string | null;
  },
): Promise<void> {
  const utc = (at: string | undefined) => (at === undefined ? null : `${at}+00`);
  await session.query(
    `update run_table
        set rows_compared = $3, began_at = $4::timestamptz, began_source = $5::timestamptz, began_target = $6::timestamptz,
            since_source = $7::timestamptz, since_target = $8::timestamptz, rows_note = $9
      where run_id = $1 and table_name = $2 and began_at is null`,
    [runId, table, rows, beganAt, utc(began?.source), utc(began?.target), utc(since?.source), utc(since?.target), note],
  );
}

/** The ledger's clock. */
export async function readLedgerTime(ledger: Queryable): Promise<string> {
  const { rows } = await ledger.query<{ now: string }>('select clock_timestamp()::text as now');
  return rows[0]?.now ?? '';
}

export async function readRowsCompared(
  ledger: Queryable,
  runId: string,
  table: string,
): Promise<{ readonly rows: RowsCompared | null; readonly note: string | null }> {
  const { rows } = await ledger.query<{ rows_compared: RowsCompared | null; rows_note: string | null }>(
    'select rows_compared, rows_note from run_table where run_id = $1 and table_name = $2',
    [runId, table],
  );
  return { rows: rows[0]?.rows_compared ?? null, note: rows[0]?.rows_note ?? null };
}
