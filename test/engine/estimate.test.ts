import { estimate, exactInterval, normalQuantile, sampleSize, type Sampled } from '../../engine/estimate';

/*
 * Known answers of SciPy 1.17.1: beta.ppf(a/2, x, n-x+1) and beta.ppf(1-a/2, x+1, n-x) for the intervals (statsmodels 0.15.0,
 * proportion_confint(x, n, alpha, method='beta'), gives the same), norm.ppf for the quantiles; sizes by
 * ceil(n0 / (1 + (n0 - 1) / N)) with n0 = norm.ppf(1 - (1 - c) / 2)**2 / (4 * e**2).
 */

describe('the interval of a rate', () => {
  it.each([
    [0, 385, 0.95, 0, 0.00953574871075507],
    [0, 1000, 0.95, 0, 0.003682083896865671],
    [1, 385, 0.95, 6.575837804200542e-5, 0.01438617075816755],
    [5, 385, 0.95, 0.004229933100771596, 0.0300456343363498],
    [20, 1000, 0.99, 0.010398390515073611, 0.0344137681230256],
    [100, 100, 0.95, 0.9637833073548235, 1],
    [0, 1, 0.95, 0, 0.975],
    [3, 10, 0.9, 0.0872644339141503, 0.6066242161054123],
    [50, 100_000, 0.95, 0.00037113170178349413, 0.0006591351958693719],
    [12_345, 1_000_000, 0.95, 0.01212949382560612, 0.012563337660712826],
    [999, 1000, 0.95, 0.9944410757201734, 0.9999746825125088],
  ])('of %d of %d with confidence %d is that of Clopper and Pearson', (errors, sampled, confidence, low, high) => {
    const interval = exactInterval(errors, sampled, confidence);
    expect(interval[0]).toBeCloseTo(low, 10);
    expect(interval[1]).toBeCloseTo(high, 10);
  });

  it('holds the true rate at least as often as it says, also for rare errors', () => {
    // Over all outcomes of a sample of 60, weighted by how likely each is.
    for (const rate of [0.001, 0.01, 0.05, 0.3]) {
      let [covered, likelihood] = [0, (1 - rate) ** 60];
      for (let errors = 0; errors <= 60; errors += 1) {
        const [low, high] = exactInterval(errors, 60, 0.95);
        if (low <= rate && rate <= high) covered += likelihood;
        likelihood *= ((60 - errors) * rate) / ((errors + 1) * (1 - rate));
      }
      expect(covered).toBeGreaterThanOrEqual(0.95);
    }
  });
});

it.each([
  [0.975, 1.959963984540054],
  [0.995, 2.5758293035489004],
  [0.95, 1.6448536269514722],
  [0.9995, 3.2905267314919255],
  [0.75, 0.6744897501960817],
])('the normal quantile at %d', (probability, z) => {
  expect(normalQuantile(probability)).toBeCloseTo(z, 10);
});

describe('the size of a sample', () => {
  it.each([
    [1_000_000_000, 0.95, 0.05, 385],
    [10_000, 0.95, 0.05, 370],
    [1_000, 0.95, 0.05, 278],
    [500, 0.95, 0.05, 218],
    [20_000, 0.99, 0.01, 9_068],
    [1_000_000, 0.99, 0.02, 4_130],
  ])('of %d rows with confidence %d and margin %d', (population, confidence, margin, size) => {
    expect(sampleSize(population, { confidence, margin })).toBe(size);
  });

  it.each([
    [0, 0],
    [1, 1],
    [100, 100],
    [101, 100],
    [110, 100],
  ])('of %d rows is never more than there are, nor a handful: %d', (population, size) => {
    expect(sampleSize(population)).toBe(size);
  });

  it('has a limit, whatever is asked for', () => {
    expect(sampleSize(1e12, { confidence: 0.9999, margin: 0.0001 })).toBe(1_000_000);
  });
});

describe('an estimate', () => {
  const of = (seen: Partial<Sampled>) =>
    estimate({
      rowsSource: 20_000,
      rowsTarget: 20_000,
      sampled: 385,
      missing: 0,
      extra: 0,
      errors: 0,
      whole: false,
      confidence: 0.95,
      margin: 0.05,
      seed: 1,
      ...seen,
    });

  it('that saw no error still says how many there may be', () => {
    const found = of({});
    expect(found).toMatchObject({ population: 20_000, rate: 0, total: 0, recommendation: 'excellent' });
    // 0.00953574871075507 of 20,000.
    expect(found.totalInterval).toEqual([0, 191]);
  });

  it.each([
    [{ sampled: 300 }, 'acceptable'],
    [{ errors: 1 }, 'acceptable'],
    [{ errors: 10 }, 'acceptable'],
    [{ errors: 11 }, 'uncertain'],
    [{ errors: 27 }, 'uncertain'],
    [{ errors: 29 }, 'poor'],
    [{ sampled: 60 }, 'uncertain'],
    [{ sampled: 0 }, 'uncertain'],
    // An error that was seen is not excellent, however rare.
    [{ sampled: 10_000, errors: 1 }, 'acceptable'],
  ] as const)('%j is %s', (seen, recommendation) => {
    expect(of(seen)).toMatchObject({ recommendation });
  });

  it('of the whole table is exact', () => {
    const found = of({ rowsSource: 50, rowsTarget: 48, sampled: 50, missing: 2, errors: 3, whole: true });
    expect(found).toMatchObject({ population: 50, rateInterval: [0.06, 0.06], total: 3, totalInterval: [3, 3] });
    expect(of({ rowsSource: 0, rowsTarget: 0, sampled: 0, whole: true })).toMatchObject({
      ...{ population: 0, rate: 0, total: 0, totalInterval: [0, 0], recommendation: 'excellent' },
    });
  });

  it('counts the keys of both sides once', () => {
    // A tenth of all keys is in the source only, a tenth in the target only: 90 % of 10,000 are 9,000.
    const found = of({ rowsSource: 9_000, rowsTarget: 9_000, sampled: 1_000, missing: 100, extra: 100, errors: 200 });
    expect(found).toMatchObject({ population: 10_000, total: 2_000, recommendation: 'poor' });
    expect(of({ rowsSource: 100, rowsTarget: 20_000 }).population).toBe(20_000);
  });

  it('never says fewer than were seen, nor more than can be', () => {
    const found = of({ rowsSource: 400, rowsTarget: 400, errors: 380 });
    expect(found.totalInterval[0]).toBeGreaterThanOrEqual(380);
    expect(found.totalInterval[1]).toBe(395);
  });
});
