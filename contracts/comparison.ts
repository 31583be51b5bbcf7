import type { TablePair, TextRule, Tolerance } from './table-pair';

/** How the values of one key column are ordered and cut into ranges. */
export type KeyOrder = 'integer' | 'uuid' | 'text' | 'other';

export interface NotNull {
  readonly source: boolean;
  readonly target: boolean;
}

/** How a value is made a text where its cast does not tell what its output does; `output`: any type of the users'. */
export type TextForm = 'boolean' | 'inet' | 'xml' | 'output';

/** The forms of a column's text on each side; absent: its cast to text. */
export interface TextForms {
  readonly source?: TextForm;
  readonly target?: TextForm;
}

export interface KeyColumn {
  readonly source: string;
  readonly target: string;
  /** The type in which both sides' values are compared, and in which bounds are given. */
  readonly type: string;
  readonly order: KeyOrder;
  /** The cast to `type` where it is needed: mostly `type` itself. */
  readonly castTo: string;
  /** How `castTo` is reached where that is text and no cast. */
  readonly forms?: TextForms;
  /** Sides on which the column has another type and is cast to `type`. */
  readonly cast: { readonly source: boolean; readonly target: boolean };
  /** Sides on which the catalog says that it is never NULL; it makes hashing faster, and nothing else. */
  readonly notNull?: NotNull;
  /** Sides on which `collate "C"` has to be said for both to sort alike. */
  readonly collate: { readonly source: boolean; readonly target: boolean };
  /** The column's own collation on each side, quoted for SQL; null for types that have none. */
  readonly collation: { readonly source: string | null; readonly target: string | null };
  /** What a value given as text is cast to on each side: `type`, or the side's own type where no cast gives its order. */
  readonly boundType: { readonly source: string; readonly target: string };
  /**
   * Sides whose own `=` takes values for one that `type` tells apart (case, trailing zeros, `1 mon` and `30 days`), and how
   * they are asked; null: there are none such. Absent in runs of earlier versions: nobody asks.
   */
  readonly spelled?: { readonly source: OwnEquality | null; readonly target: OwnEquality | null };
  /** Where a side is cast to `type`: its own type, in which its index finds rows; null or absent: in none. */
  readonly ownType?: { readonly source: string | null; readonly target: string | null };
  /** Sides whose times bear no zone, and are compared as instants: the zone that they are of; absent: UTC, or none is needed. */
  readonly zone?: { readonly source: string | null; readonly target: string | null };
}

/** A key column's own equality, by which its index finds rows. */
export interface OwnEquality {
  /** What a wanted value is cast to. */
  readonly type: string;
  /** SQL that stands between the column and the value. */
  readonly operator: string;
}

/**
 * How a table pair is cut up:
 * - `ranges` of the key: every key column sorts alike on both sides and an index of each side gives that order;
 * - `buckets` by the hash of the key, in one scan of each side: no order has to be known, and none is made.
 */
export type Strategy = 'ranges' | 'buckets';

/** Who chose the key: the config, a constraint of either side, or nobody: then rows are counted, not matched. */
export type KeyOrigin = 'config' | 'catalog' | 'none';

/**
 * When two values are equal although their hashes differ. `equal`: by SQL's `=` of the type, where the text that is
 * hashed tells more apart, in a collation of the target, quoted for SQL, or in that of its texts (`texts`: some may be no value of the type). `xml`: a text spells the same xml. `text`: by a rule of the config, and by what a text may spell,
 * as `true` and `t`. The others are chosen in the config; `types` are those of the source and the target.
 */
export type Equivalence =
  | { readonly kind: 'equal'; readonly type: string; readonly collation?: string; readonly texts?: true }
  | { readonly kind: 'near'; readonly within: Tolerance; readonly types: readonly [source: string, target: string] }
  | { readonly kind: 'xml' }
  | { readonly kind: 'text'; readonly rule: TextRule; readonly spelling?: 'boolean' | 'inet' };

export interface ComparedColumn {
  readonly source: string;
  readonly target: string;
  /** The type in which both sides' values are compared. */
  readonly type: string;
  /** The type to which both sides are cast; null: both have it already. */
  readonly castTo: string | null;
  /** How `castTo` is reached where that is text and no cast. */
  readonly forms?: TextForms;
  /** Sides whose times bear no zone, and are compared as instants: the zone that they are of; absent: UTC, or none is needed. */
  readonly zone?: { readonly source: string | null; readonly target: string | null };
  /** Sides on which the catalog says that it is never NULL; it makes hashing faster, and nothing else. */
  readonly notNull?: NotNull;
  /** When values whose hashes differ are equal all the same; absent: never. NULL is equal to NULL only, whatever it says. */
  readonly equivalence?: Equivalence;
}

/** How a value of the source becomes one of the target where their types differ: by way of the type of the comparison. */
export interface Conversion {
  readonly from: string;
  readonly through: string;
  /** The zones of times without one, of the side that has such; absent: UTC, or none is needed. */
  readonly zone?: { readonly source: string | null; readonly target: string | null };
  /** Whether what the target's type rounds may be near enough to count as equal. */
  readonly near?: true;
}

/** A column that a correction may write, with the target's type; its modifier is left to the assignment to check. */
export interface WritableColumn {
  readonly source: string;
  readonly target: string;
  readonly targetType: string;
  /** Absent: the target's type reads the source's text as it is. */
  readonly conversion?: Conversion;
}

/**
 * How rows are hashed: by the type's own functions (those of PostgreSQL 14, or the further ones of 18 where both servers
 * are as new), or by SHA-256 of the values' text where the servers' own functions disagree.
 */
export type HashMethod = 'native-14' | 'native-18' | 'portable';

/** The column that says when a row was changed last, on one side. */
export interface ChangeColumn {
  readonly column: string;
  /** false: `timestamp without time zone`. */
  readonly zoned: boolean;
  /** The zone that such a time is of; absent: it is read as UTC, with an overlap that is enough for every zone. */
  readonly zone?: string;
  /** How far before the watermark rows are read again, in milliseconds: for what was committed late. */
  readonly overlapMs: number;
}

/** By what changed rows are found on each side. */
export interface ChangeTime {
  readonly source: ChangeColumn;
  readonly target: ChangeColumn;
}

/** Why the rows of a table pair cannot be read as a whole, so that nothing of it is compared. */
export interface Unread {
  readonly code: 'ROW_SECURITY' | 'PRIVILEGE_MISSING';
  /** Names the table, the connection and what stands in the way; never a row's value. */
  readonly message: string;
}

/** A table pair as it is compared: resolved once from both catalogs when the run is opened, then frozen with the run. */
export interface Comparison {
  readonly pair: TablePair;
  /** Empty: no key tells the rows apart. Equal rows are counted instead, and never corrected. */
  readonly key: readonly KeyColumn[];
  readonly keyOrigin: KeyOrigin;
  /** Whether a key may hold NULL: such rows are compared beside the others, by counting equal rows. */
  readonly keyNullable: boolean;
  readonly strategy: Strategy;
  readonly columns: readonly ComparedColumn[];
  readonly writable: readonly WritableColumn[];
  /** Every column of the target with its type: what a before-image holds. */
  readonly targetColumns: readonly {
    readonly name: string;
    readonly type: string;
    readonly generated: boolean;
    /** Absent: its cast to text. */
    readonly form?: TextForm;
  }[];
  /** The forms of the source's texts, by column; absent: their casts to text. */
  readonly sourceForms?: Readonly<Record<string, TextForm>>;
  /** Columns of the target that a row must have and that no correction fills; absent or empty: rows can be inserted. */
  readonly unfilled?: readonly string[];
  /** Whether the side's catalog proves that no two rows have one key; otherwise planning looks. */
  readonly keyProven: { readonly source: boolean; readonly target: boolean };
  readonly hash: HashMethod;
  /** SQL conditions for the part of the rows that is looked at, beside the pair's own; absent: all. Never kept. */
  readonly within?: { readonly source: string; readonly target: string };
  /** In which zone times that bear none are read; null: nothing tells. Absent in runs of earlier versions: UTC. */
  readonly zones?: {
    readonly source: string | null;
    readonly target: string | null;
    /** Digits after the point of an amount of `money` by each database's own `lc_monetary`; null: not known. Absent: two. */
    readonly moneyDigits?: { readonly source: number | null; readonly target: number | null };
  };
  /** By what changed rows are found; absent: by nothing, or the run does not ask. */
  readonly changeTime?: ChangeTime;
  /** A table that only the plan touches: it is not compared, and what stands as its source is the target itself. */
  readonly targetOnly?: true;
  /** Set where the user of a connection does not see the whole table: it is not compared. Absent: it is. */
  readonly unread?: Unread;
  /** What the reader of a report should know: columns left out, types that differ. */
  readonly notes: readonly string[];
}
