import type { TextRow } from '../contracts/finding';

/** Rows held at once at the most: enough to be fast, few enough that locks and transactions are short. */
const MOST_ROWS = 500;
/** Characters of row values held at once, about: there are a few copies of each on their way, and several batches. */
const MOST_CHARACTERS = 2_000_000;
const FIRST_ROWS = 50;
const GROWTH = 4;

/** How many rows to take next, so that the memory they take is bounded however wide they are. */
export class Batch {
  #rows = FIRST_ROWS;

  get rows(): number {
    return this.#rows;
  }

  /** Learns from the rows that were taken how wide the next may be. */
  saw(rows: number, characters: number): void {
    if (rows === 0) return;
    const fitting = Math.floor(MOST_CHARACTERS / Math.max(1, characters / rows));
    this.#rows = Math.max(1, Math.min(MOST_ROWS, fitting, this.#rows * GROWTH));
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
