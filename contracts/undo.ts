/** Whether an undo that deletes or overwrites rows asks first; where these were changed since, it always does. */
export const UNDO_POLICIES = ['auto', 'approve'] as const;
export type UndoPolicy = (typeof UNDO_POLICIES)[number];

/** What an undo gives back, and how; kept with its run. */
export interface UndoScope {
  /** Names of tables of the undone run; null: all of them. */
  readonly tables: readonly string[] | null;
  /** Numbers of corrections of the undone run; null: all of them. */
  readonly corrections: readonly string[] | null;
  /** Whether rows that were changed since their correction are overwritten; else they are left alone. */
  readonly force: boolean;
  readonly policy: UndoPolicy;
}

/** Whether all of a run is to be given back. */
export function isWhole({ tables, corrections }: UndoScope): boolean {
  return tables === null && corrections === null;
}
