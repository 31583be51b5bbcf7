import type { Recommendation, SampleEstimate, SampleTerms } from '../contracts/sample';
import type { Queryable } from '../database/connection';

/** How the sample of a table was drawn. */
export interface SampleDrawn extends Pick<SampleTerms, 'confidence' | 'margin' | 'seed'> {
  /** Rows that were to be drawn. */
  readonly wanted: number;
  readonly rowsSource: number;
  readonly rowsTarget: number;
}

/** Notes how a sample is drawn, unless another attempt has. To be called in the transaction that enters its chunks. */
export async function insertSample(
  session: Queryable,
  runId: string,
  table: string,
  drawn: SampleDrawn,
): Promise<void> {
  await session.query(
    `insert into sample_estimate (run_id, table_name, seed, confidence, margin, wanted, rows_source, rows_target)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (run_id, table_name) do nothing`,
    [runId, table, drawn.seed, drawn.confidence, drawn.margin, drawn.wanted, drawn.rowsSource, drawn.rowsTarget],
  );
}

type SampleRow = Record<'seed' | 'confidence' | 'margin' | 'wanted' | 'rows_source' | 'rows_target', string>;

export async function readSample(ledger: Queryable, runId: string, table: string): Promise<SampleDrawn | null> {
  const { rows } = await ledger.query<SampleRow>(
    `select seed, confidence, margin, wanted, rows_source, rows_target from sample_estimate
      where run_id = $1 and table_name = $2`,
    [runId, table],
  );
  const row = rows[0];
  if (!row) return null;
  return {
    seed: Number(row.seed),
    confidence: Number(row.confidence),
    margin: Number(row.margin),
    wanted: Number(row.wanted),
    rowsSource: Number(row.rows_source),
    rowsTarget: Number(row.rows_target),
  };
}

export async function enterEstimate(
  ledger: Queryable,
  runId: string,
  table: string,
  found: SampleEstimate,
): Promise<void> {
  await ledger.query(
    `update sample_estimate
        set population = $3, sampled = $4, errors = $5, rate = $6, rate_low = $7, rate_high = $8, total = $9,
            total_low = $10, total_high = $11, whole = $12, recommendation = $13
      where run_id = $1 and table_name = $2`,
    [
      runId,
      table,
      found.population,
      found.sampled,
      found.errors,
      found.rate,
      ...found.rateInterval,
      found.total,
      ...found.totalInterval,
      found.whole,
      found.recommendation,
    ],
  );
}

/** What the sample of a table came to; null: there is none, or it has not been compared. */
export async function readEstimate(ledger: Queryable, runId: string, table: string): Promise<SampleEstimate | null> {
  const { rows } = await ledger.query<
    Record<'population' | 'sampled' | 'errors' | 'rate' | 'rate_low' | 'rate_high', string> &
      Record<'total' | 'total_low' | 'total_high' | 'whole' | 'confidence' | 'margin' | 'seed', string> & {
        recommendation: Recommendation;
      }
  >(
    `select population, sampled, errors, rate, rate_low, rate_high, total, total_low, total_high, whole, confidence,
            margin, seed, recommendation
       from sample_estimate where run_id = $1 and table_name = $2 and recommendation is not null`,
    [runId, table],
  );
  const row = rows[0];
  if (!row) return null;
  return {
    population: Number(row.population),
    sampled: Number(row.sampled),
    errors: Number(row.errors),
    rate: Number(row.rate),
    rateInterval: [Number(row.rate_low), Number(row.rate_high)],
    total: Number(row.total),
    totalInterval: [Number(row.total_low), Number(row.total_high)],
    whole: row.whole === 't',
    confidence: Number(row.confidence),
    margin: Number(row.margin),
    seed: Number(row.seed),
    recommendation: row.recommendation,
  };
}
