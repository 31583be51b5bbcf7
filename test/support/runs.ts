/** How many times longer than usual properties are tried, as by night. */
const MULTIPLIER = Number(process.env['TRUEUP_TEST_RUNS'] ?? 1);

/**
 * How many cases a property tries: always as many, however busy the machine is; a time limit would let it pass with fewer.
 * TRUEUP_TEST_RUNS=10 tries ten times as many.
 */
export function cases(usual: number): number {
  if (!(MULTIPLIER > 0)) throw new RangeError('TRUEUP_TEST_RUNS: a number above 0 is needed');
  return Math.ceil(usual * MULTIPLIER);
}
