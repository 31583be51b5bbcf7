import { DEFAULT_SAMPLE, MOST_SAMPLE_ROWS, type Recommendation, type SampleEstimate } from '../contracts/sample';
import type { SampleTerms } from '../contracts/sample';

/** Fewer rows than this say little of a table, whatever margin was asked for. */
const FEWEST_ROWS = 100;

/**
 * How many of `population` rows a sample needs for a rate to lie within the margin with this confidence, whatever the rate
 * is: n₀ = z² / 4e², less by the correction for a finite population. Never more than there are, nor fewer than 100 of them.
 */
export function sampleSize(
  population: number,
  { confidence, margin }: Pick<SampleTerms, 'confidence' | 'margin'> = DEFAULT_SAMPLE,
): number {
  const z = normalQuantile(1 - (1 - confidence) / 2);
  const infinite = (z * z) / (4 * margin * margin);
  const finite = population === 0 ? 0 : Math.ceil(infinite / (1 + (infinite - 1) / population));
  return Math.min(population, MOST_SAMPLE_ROWS, Math.max(FEWEST_ROWS, finite));
}

/** The value below which a standard normal variable lies with this probability. */
export function normalQuantile(probability: number): number {
  return bisect(-9, 9, (z) => normalBelow(z) < probability);
}

/** Marsaglia's series; exact to a few units in the last place within ±7. */
function normalBelow(z: number): number {
  let [sum, term] = [z, z];
  for (let k = 3; Math.abs(term) > Math.abs(sum) * 1e-17; k += 2) {
    term *= (z * z) / k;
    sum += term;
  }
  return 0.5 + sum * Math.exp(-z * z * 0.5 - 0.918_938_533_204_672_8);
}

/**
 * The interval of Clopper and Pearson for a rate of which `errors` of `sampled` were seen: it holds the true rate with at
 * least this confidence for every rate, also where no error was seen.
 */
export function exactInterval(errors: number, sampled: number, confidence: number): readonly [number, number] {
  const tail = (1 - confidence) / 2;
  return [1 - highest(sampled - errors, sampled, tail), highest(errors, sampled, tail)];
}

/** The rate at which no more than `seen` of `n` are seen with the probability `tail` only. */
function highest(seen: number, n: number, tail: number): number {
  return seen >= n ? 1 : bisect(seen / n, 1, (rate) => atMost(seen, n, rate) > tail);
}

/** The probability of `seen` or fewer of `n` at a rate of `seen / n` or more: from the largest term down. */
function atMost(seen: number, n: number, rate: number): number {
  if (rate <= 0) return 1;
  if (rate >= 1) return 0;
  const choose = logFactorial(n) - logFactorial(seen) - logFactorial(n - seen);
  let term = Math.exp(choose + seen * Math.log(rate) + (n - seen) * Math.log1p(-rate));
  let sum = term;
  for (let k = seen; k > 0 && term > sum * 1e-17; k -= 1) {
    term *= (k * (1 - rate)) / ((n - k + 1) * rate);
    sum += term;
  }
  return sum;
}

/** Stirling's series, whose error is below 1e-14 from 20 on. */
function logFactorial(n: number): number {
  if (n < 20) {
    let product = 1;
    for (let k = 2; k <= n; k += 1) product *= k;
    return Math.log(product);
  }
  const inverse = 1 / (n * n);
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1_260 - inverse / 1_680))) / n;
  return (n + 0.5) * Math.log(n) - n + 0.918_938_533_204_672_8 + series;
}

/** The place between two numbers up to which `isBelow` holds. */
function bisect(low: number, high: number, isBelow: (x: number) => boolean): number {
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (isBelow(middle)) low = middle;
    else high = middle;
  }
}

/** What was seen of a sample, and how many rows each side has. */
export interface Sampled extends Pick<SampleTerms, 'confidence' | 'margin' | 'seed'> {
  readonly rowsSource: number;
  readonly rowsTarget: number;
  readonly sampled: number;
  /** Rows that only the source has, that only the target has, and all that differ. */
  readonly missing: number;
  readonly extra: number;
  readonly errors: number;
  /** Whether the sample holds every row of both sides. */
  readonly whole: boolean;
}

/** What a sample says of all rows. */
export function estimate(seen: Sampled): SampleEstimate {
  const { sampled, errors, whole, confidence, margin, seed } = seen;
  const population = whole ? sampled : populationOf(seen);
  const rate = sampled === 0 ? 0 : errors / sampled;
  const rateInterval = whole ? ([rate, rate] as const) : intervalOf(seen);
  // Of the rows that were read it is known how many differ, and how many do not.
  const within = (rows: number) => Math.min(population - (sampled - errors), Math.max(errors, rows));
  return {
    population,
    sampled,
    errors,
    rate,
    rateInterval,
    total: within(Math.round(rate * population)),
    totalInterval: [within(Math.floor(rateInterval[0] * population)), within(Math.ceil(rateInterval[1] * population))],
    whole,
    confidence,
    margin,
    seed,
    recommendation: recommend(errors, rateInterval),
  };
}

function intervalOf({ sampled, errors, confidence }: Sampled): readonly [number, number] {
  return sampled === 0 ? [0, 1] : exactInterval(errors, sampled, confidence);
}

/** Keys of both sides together: the source has all but those of the target alone, and the other way round. */
function populationOf({ rowsSource, rowsTarget, sampled, missing, extra }: Sampled): number {
  const [fewest, most] = [Math.max(rowsSource, rowsTarget, sampled), rowsSource + rowsTarget];
  const both = 2 - (missing + extra) / Math.max(1, sampled);
  return Math.max(fewest, Math.min(most, Math.round((rowsSource + rowsTarget) / both)));
}

/** Rates above these are not excellent, and not acceptable. */
export const EXCELLENT = 0.01;
export const ACCEPTABLE = 0.05;

function recommend(errors: number, [low, high]: readonly [number, number]): Recommendation {
  if (errors === 0 && high <= EXCELLENT) return 'excellent';
  if (high <= ACCEPTABLE) return 'acceptable';
  return low > ACCEPTABLE ? 'poor' : 'uncertain';
}
