/**
 * How much of a table one run may delete or overwrite: `rows` rows, or `percent` % of the target table's rows as the
 * comparison counted them, whichever is more; and, in addition, how much of it may be deleted: less than `wipe` %, and
 * nothing where the source's table is empty. A plan over it is blocked until an approval overrides it explicitly.
 */
export interface Guard {
  readonly rows: number;
  readonly percent: number;
  /** Absent in runs of earlier versions: {@link DEFAULT_WIPE}. */
  readonly wipe?: number;
}

/** Half of a table: what a filter that is wrong, or a source that is half loaded, takes at once. */
export const DEFAULT_WIPE = 50;

/**
 * What a plan breaks: `rows`, more is deleted or overwritten than `rows` and `percent` allow; `wipe`, that much of the table
 * is deleted; `empty source`, rows are deleted and the source's table has none.
 */
export type GuardRule = 'rows' | 'wipe' | 'empty source';

/** A table of which a plan would delete or overwrite more than its guard allows. */
export interface GuardBreach {
  readonly table: string;
  /** Absent in runs of earlier versions: `rows`. */
  readonly rule?: GuardRule;
  /** Rows that the plan deletes or overwrites; for the rules `wipe` and `empty source`, deletes. */
  readonly changes: number;
  /** Rows that the target table had; null: they were not counted. */
  readonly rows: number | null;
  /** The most rows that may be deleted or overwritten, or deleted. */
  readonly limit: number;
}

/** Whether a breach is about deletes alone. */
export function isOfDeletes({ rule }: Pick<GuardBreach, 'rule'>): boolean {
  return rule === 'wipe' || rule === 'empty source';
}

/** What a breach says of the rows, `count` giving the figures their form: `1200 of 20000 rows would be deleted …`. */
export function ruleText(
  { changes, rows, limit, rule = 'rows' }: GuardBreach,
  count: (n: number) => string = String,
): string {
  const plural = changes === 1 && rows === null ? 'row' : 'rows';
  const of = rows === null ? `${count(changes)} ${plural}` : `${count(changes)} of ${count(rows)} rows`;
  switch (rule) {
    case 'wipe':
      return `${of} would be deleted, the limit by wipe is ${count(limit)}`;
    case 'empty source':
      return `${of} would be deleted, and the source's table is empty`;
    case 'rows':
      return `${of} would be deleted or overwritten, the limit is ${count(limit)}`;
  }
}

/** `orders: 1200 of 20000 rows would be deleted or overwritten, the limit is 1000`, the figures ungrouped. */
export function breachText(breach: GuardBreach): string {
  return `${breach.table}: ${ruleText(breach)}`;
}
