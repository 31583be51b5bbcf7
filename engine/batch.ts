import type { TextRow } from '../contracts/finding';

/**
 * Rows held at once at the most: enough to be fast, few enough that locks and transactions are short; and characters of
 * row values, about: there are a few copies of each on their way, and several batches.
 */
const MOST = { rows: 500, characters: 2_000_000 };
const FIRST_ROWS = 50;
const GROWTH = 4;

/** How many rows to take next, so that the memory they take is bounded however wide they are. */
export class Batch {
  #rows = FIRST_ROWS;

  constructor(private readonly most: { readonly rows: number; readonly characters: number } = MOST) {}

  get rows(): number {
    return this.#rows;
  }

  /** Learns from the rows that were taken how wide the next may be. */
  saw(rows: number, characters: number): void {
    if (rows === 0) return;
    const fitting = Math.floor(this.most.characters / Math.max(1, characters / rows));
    this.#rows = Math.max(1, Math.min(this.most.rows, fitting, this.#rows * GROWTH));
  }
}

/** The length of the values of some rows; null: no row. */
export function charactersOf(rows: Iterable<TextRow | null>): number {
  let characters = 0;
  for (const row of rows) {
    if (row === null) continue;
    for (const name in row) characters += row[name]?.length ?? 0;
  }
  return characters;
}
