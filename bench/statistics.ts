/** The least, the middle and the greatest of some numbers. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** Throws when there is no number to speak of. */
export function spreadOf(numbers: readonly number[]): Spread {
  const sorted = [...numbers].sort((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (min === undefined || max === undefined) throw new Error('a spread of no numbers');
  const half = (sorted.length - 1) / 2;
  return { min, median: ((sorted[Math.floor(half)] ?? min) + (sorted[Math.ceil(half)] ?? max)) / 2, max };
}

/** `2.10 (1.98–2.31)`: the median, and the least and the greatest. */
export function spreadText(spread: Spread | null, digits = 2): string {
  if (spread === null) return '–';
  const [min, median, max] = [spread.min, spread.median, spread.max].map((n) => n.toFixed(digits));
  return min === max ? (median ?? '') : `${median} (${min}–${max})`;
}
