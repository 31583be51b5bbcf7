import type { TableRef } from '../../contracts/table-pair';
import type { Database } from '../../database/connection';
import type { Typed } from '../../database/equality';
import type { ColumnPair } from '../column-pair';

/** A column that a row refers by, as it is in the target. */
export interface ChildColumn extends Typed {
  readonly name: string;
  /** With its partner in the source; null: the source has no such column. */
  readonly pair: ColumnPair | null;
}

/** A table that rows refer to, with the columns that name its rows, in the order of the child's. */
export interface Parent {
  readonly database: Database;
  readonly table: TableRef;
  readonly columns: readonly (Typed & { readonly name: string })[];
}

/** That the rows of a table pair name rows of another table, by a constraint of either side or by the config. */
export interface Reference {
  /** What tells it from the others of the table pair. */
  readonly id: string;
  /** For people: `order_ref → orders (id)`. */
  readonly label: string;
  readonly columns: readonly ChildColumn[];
  readonly parent: Parent;
  /** Where the source keeps the parents; null: that is not known. */
  readonly sourceParent: Parent | null;
  /** Whether nothing but its name says that the source keeps them there: what it lacks may be elsewhere. */
  readonly isGuess: boolean;
  /** Whether a part of the columns may not be NULL alone. */
  readonly matchFull: boolean;
  /** By which operator of the target each parent's value (left) equals the child's, as SQL; null: no constraint says. */
  readonly equals: readonly string[] | null;
}
