/**
 * How much of a table one run may delete or overwrite: `rows` rows, or `percent` % of the target table's rows as the
 * comparison counted them, whichever is more. A plan over it is blocked until an approval overrides it explicitly.
 */
export interface Guard {
  readonly rows: number;
  readonly percent: number;
}

/** A table of which a plan would delete or overwrite more than its guard allows. */
export interface GuardBreach {
  readonly table: string;
  /** Rows that the plan deletes or overwrites. */
  readonly changes: number;
  /** Rows of the target table as the comparison counted them; null: the table was not compared. */
  readonly rows: number | null;
  /** The most rows that may be deleted or overwritten. */
  readonly limit: number;
}

/** `orders: 1,200 of 20,000 rows would be deleted or overwritten, the limit is 1,000`, the figures ungrouped. */
export function breachText({ table, changes, rows, limit }: GuardBreach): string {
  const of = rows === null ? `${changes} rows` : `${changes} of ${rows} rows`;
  return `${table}: ${of} would be deleted or overwritten, the limit is ${limit}`;
}
