import type { Operation } from './correction';
import type { TextRow } from './finding';

/** One correction of a frozen plan. Column names are the target's, except in `key` and `source`. */
export interface PlanItem {
  readonly seq: string;
  readonly table: string;
  readonly operation: Operation;
  readonly needsApproval: boolean;
  /** Key columns by their source names. */
  readonly key: TextRow;
  /** The full target row that is expected; null: no row. */
  readonly before: TextRow | null;
  /**
   * Values to write; for an update only what changes; null for a delete. With `checkSource` they are those of the source, in
   * its text form, which the statement converts; else, and for the columns `given`, they are in the target's own form.
   */
  readonly after: TextRow | null;
  /** Columns whose value a person gave, or that has to stand for another for a moment; absent: none. */
  readonly given?: readonly string[];
  /** `after` in the form in which the target gives it back, where rows are told apart by it; absent: `after` is in it. */
  readonly becomes?: TextRow;
  /** Source values that must still hold when the correction is applied; null: there must be no such row. */
  readonly source: TextRow | null;
  /** Whether the source is read again before writing; an undo has no source. */
  readonly checkSource: boolean;
  /** The `seq` of the delete by which the database would do this by itself; absent: it answers a difference. */
  readonly effectOf?: string;
  /** Further deletes by which the database would do a part of it: all of them are made together, or none. */
  readonly effectAlso?: readonly string[];
  /** The foreign key that makes it an effect; several, where several do. */
  readonly constraint?: string;
  /** Whether it overwrites what was changed since the correction that it takes back; absent: no. */
  readonly forced?: boolean;
  /** Not approved where other corrections were: it is not made. */
  readonly leftOut?: true;
}
