import { DEFAULT_WIPE, type Guard, type GuardBreach } from '../contracts/guard';

/** What a plan does to the rows that a table has already. */
export interface Destruction {
  readonly table: string;
  /** Rows that the plan deletes or overwrites. */
  readonly changes: number;
  /** Rows that it deletes. */
  readonly deletes: number;
  /** Rows of the target table as the comparison counted them; null: the table was not compared. */
  readonly rows: number | null;
  /** Rows of the target table however they were counted; null: more than it takes for the plan not to wipe it. */
  readonly held: number | null;
  /** Whether the source has no row of the table. */
  readonly isSourceEmpty: boolean;
}

/** The most rows that may be deleted or overwritten of a table; of a table that was not counted, `guard.rows`. */
export function limitOf(guard: Guard, rows: number | null): number {
  return Math.max(guard.rows, Math.floor(((rows ?? 0) * guard.percent) / 100));
}

/** The most of a table's rows that may be deleted: less than `guard.wipe` % of them. */
export function wipeLimitOf({ wipe = DEFAULT_WIPE }: Guard, rows: number): number {
  return Math.max(0, Math.ceil((rows * wipe) / 100) - 1);
}

/** From so many rows on neither share of a table is exceeded: no more of them have to be counted. */
export function countedUpTo(guard: Guard, { changes, deletes }: Pick<Destruction, 'changes' | 'deletes'>): number {
  const atLeast = (n: number, percent: number) =>
    n === 0 ? 0 : percent === 0 ? Number.MAX_SAFE_INTEGER : Math.floor((n * 100) / percent) + 1;
  const byRows = changes > guard.rows ? atLeast(changes, guard.percent) : 0;
  return Math.max(1, byRows, atLeast(deletes, guard.wipe ?? DEFAULT_WIPE));
}

/** Which guards a plan breaks, and by what; `guardOf` a table null: anything goes. */
export function breachesOf(
  destruction: readonly Destruction[],
  guardOf: (table: string) => Guard | null,
): readonly GuardBreach[] {
  return destruction.flatMap((one) => {
    const guard = guardOf(one.table);
    return guard === null ? [] : breachesIn(one, guard);
  });
}

function breachesIn({ table, changes, deletes, rows, held, isSourceEmpty }: Destruction, guard: Guard): GuardBreach[] {
  const breaches: GuardBreach[] = [];
  const limit = limitOf(guard, rows);
  if (changes > limit) breaches.push({ table, rule: 'rows', changes, rows, limit });
  const wipe = held === null ? Infinity : wipeLimitOf(guard, held);
  if (deletes > wipe) breaches.push({ table, rule: 'wipe', changes: deletes, rows: held, limit: wipe });
  if (deletes > 0 && isSourceEmpty) {
    breaches.push({ table, rule: 'empty source', changes: deletes, rows: held, limit: 0 });
  }
  return breaches;
}
