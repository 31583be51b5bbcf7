/** Rows of a column whose difference the same losses explain: bit n of the mask stands for the nth of the losses. */
export interface Explained {
  readonly mask: number;
  readonly rows: number;
  readonly least: bigint;
  readonly greatest: bigint;
}

/** A loss that explains rows, by its number, and how many. */
export interface Loss {
  readonly loss: number;
  readonly rows: number;
}

/** Below this it is chance. */
const FEWEST = 3;

/**
 * Which losses explain the rows of one column: the one that explains most, then the one that explains most of the others,
 * and so on. One that moved all its rows equally far is no loss, but a shift.
 */
export function lossesOf(groups: readonly Explained[], losses: number): readonly Loss[] {
  const found: Loss[] = [];
  for (let left = groups; ;) {
    const best = Array.from({ length: losses }, (_, loss) => ({ loss, ...total(left, loss) }))
      .filter(({ rows, least, greatest }) => rows >= FEWEST && least !== greatest)
      .reduce<Loss | null>((most, { loss, rows }) => (most && most.rows >= rows ? most : { loss, rows }), null);
    if (!best) return found;
    found.push(best);
    left = left.filter(({ mask }) => (mask & (1 << best.loss)) === 0);
  }
}

function total(groups: readonly Explained[], loss: number) {
  const its = groups.filter(({ mask }) => (mask & (1 << loss)) !== 0);
  const distances = its.flatMap(({ least, greatest }) => [least, greatest]);
  return {
    rows: its.reduce((sum, { rows }) => sum + rows, 0),
    least: distances.reduce<bigint | null>((a, b) => (a === null || b < a ? b : a), null),
    greatest: distances.reduce<bigint | null>((a, b) => (a === null || b > a ? b : a), null),
  };
}
