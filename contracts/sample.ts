/** How a sample is drawn of a table. */
export interface SampleTerms {
  /** Rows; null: as many as `confidence` and `margin` ask for. */
  readonly rows: number | null;
  /** How sure the interval of an estimate is, above 0 and below 1: `0.95`. */
  readonly confidence: number;
  /** How far an estimated rate may lie from the true one, above 0 and below 1: `0.05`. */
  readonly margin: number;
  /** From 0 to 2^53 - 1. The same seed draws the same rows from the same keys. */
  readonly seed: number;
}

/** What an input or a config says of a sample; the rest is filled in. */
export type SampleWish = Partial<SampleTerms>;

export const DEFAULT_SAMPLE = { rows: null, confidence: 0.95, margin: 0.05 } as const satisfies Omit<
  SampleTerms,
  'seed'
>;

/** Rows of a sample at the most, of one table. */
export const MOST_SAMPLE_ROWS = 1_000_000;

/**
 * What a sample says of the whole table. `excellent`: no row of it differed, and at most 1 % of all do; `acceptable`: at
 * most 5 % do; `poor`: more than 5 % do; `uncertain`: it was too small to tell. All with the confidence of the estimate.
 */
export type Recommendation = 'excellent' | 'acceptable' | 'poor' | 'uncertain';

/** What a sample comes to. A key that either side has counts as one row. */
export interface SampleEstimate extends Pick<SampleTerms, 'confidence' | 'margin' | 'seed'> {
  /** Rows of both sides together, about. */
  readonly population: number;
  readonly sampled: number;
  /** Rows of the sample that differ, or did not settle. */
  readonly errors: number;
  /** Of the rows of the sample, from 0 to 1. */
  readonly rate: number;
  /** Clopper–Pearson; exact where the sample is the whole table. */
  readonly rateInterval: readonly [low: number, high: number];
  /** Rows of the whole table that differ, about. */
  readonly total: number;
  readonly totalInterval: readonly [low: number, high: number];
  /** Whether the sample holds every row. */
  readonly whole: boolean;
  readonly recommendation: Recommendation;
}

const ADVICE: Readonly<Record<Recommendation, string>> = {
  excellent: 'excellent',
  acceptable: 'acceptable: correct what differs, and compare all rows now and then',
  poor: 'poor: compare all rows, and correct what differs',
  uncertain: 'uncertain: draw more rows, or compare all of them',
};

/** An estimate in a line: numbers only. */
export function estimateText(found: SampleEstimate): string {
  const { sampled, population, errors, rateInterval, total, totalInterval, whole, confidence, seed } = found;
  const what = `${errors} of ${sampled} rows differ`;
  if (whole) return `the sample is the whole table: ${what}`;
  const [low, high] = rateInterval.map((rate) => `${percent(rate)} %`);
  return (
    `a sample of about ${population} rows, with seed ${seed}: ${what}; of all rows, with ${percent(confidence)} % confidence, ` +
    `${low ?? ''} to ${high ?? ''} (${totalInterval[0]} to ${totalInterval[1]} rows, about ${total}); ${ADVICE[found.recommendation]}`
  );
}

const percent = (share: number) => String(Number((share * 100).toPrecision(3)));
