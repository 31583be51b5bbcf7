import type { Queryable } from '../database/connection';

/** What an anomaly check learned of a table; `model` is the engine's, as JSON. */
export interface StoredModel {
  readonly trainedAt: string;
  readonly rows: number;
  /** The first time among the table's columns, and the least and the greatest that it was in the sample; null: none. */
  readonly window: { readonly column: string; readonly from: string; readonly to: string } | null;
  readonly threshold: number;
  readonly model: unknown;
}

/** Models that are kept of one table. */
const MOST_MODELS = 5;

/** Keeps the model of a run's table; the oldest of the table go. Where one is there already, that stays. */
export async function insertModel(
  ledger: Queryable,
  runId: string,
  table: string,
  { trainedAt, rows, window, threshold, model }: StoredModel,
): Promise<void> {
  await ledger.query(
    `insert into anomaly_model (run_id, table_name, trained_at, rows, window_column, window_from, window_to, threshold, model)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb) on conflict do nothing`,
    [
      ...[runId, table, trainedAt, rows],
      ...[window?.column ?? null, window?.from ?? null, window?.to ?? null, threshold, JSON.stringify(model)],
    ],
  );
  await ledger.query(
    `delete from anomaly_model where table_name = $2 and run_id <> $1 and run_id not in (
       select run_id from anomaly_model where table_name = $2 order by trained_at desc, run_id limit $3)`,
    [runId, table, MOST_MODELS],
  );
}

/** The model of a run's table, as an attempt before has kept it; null: none has. */
export async function readModel(ledger: Queryable, runId: string, table: string): Promise<unknown> {
  const { rows } = await ledger.query<{ model: string }>(
    `select model from anomaly_model where run_id = $1 and table_name = $2`,
    [runId, table],
  );
  return rows[0] === undefined ? null : (JSON.parse(rows[0].model) as unknown);
}
