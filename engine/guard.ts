import type { Guard, GuardBreach } from '../contracts/guard';

/** What a plan does to the rows that a table has already. */
export interface Destruction {
  readonly table: string;
  /** Rows that the plan deletes or overwrites. */
  readonly changes: number;
  /** Rows of the target table as the comparison counted them; null: the table was not compared. */
  readonly rows: number | null;
}

/** The most rows that may be deleted or overwritten of a table; of a table that was not counted, `guard.rows`. */
export function limitOf(guard: Guard, rows: number | null): number {
  return Math.max(guard.rows, Math.floor(((rows ?? 0) * guard.percent) / 100));
}

/** The tables of which more would be deleted or overwritten than `guardOf` them allows; null: anything goes. */
export function breachesOf(
  destruction: readonly Destruction[],
  guardOf: (table: string) => Guard | null,
): readonly GuardBreach[] {
  return destruction.flatMap(({ table, changes, rows }) => {
    const guard = guardOf(table);
    const limit = guard === null ? Infinity : limitOf(guard, rows);
    return changes > limit ? [{ table, changes, rows, limit }] : [];
  });
}
