import type { BusinessRule, RunMode, TableChecks } from './check';
import type { CorrectionPolicies } from './correction';
import type { Guard } from './guard';
import type { Job } from './job';
import type { SampleTerms } from './sample';
import type { SideEffectPolicy } from './side-effect';
import type { Throttle } from './throttle';

/** A schema-qualified table of a named connection. */
export interface TableRef {
  readonly connection: string;
  readonly schema: string;
  readonly table: string;
}

/**
 * How far two values of a column may lie apart and still count as equal: a decimal number such as `0.01`, or a time in
 * whole microseconds. Both are texts, so that no digit is lost.
 */
export type Tolerance = { readonly number: string } | { readonly microseconds: string };

/** In what two texts of a column may differ and still count as equal. */
export interface TextRule {
  /** In the spaces (U+0020, nothing else) at both ends. */
  readonly trim: boolean;
  /** In upper and lower case, by Unicode's full case folding. */
  readonly caseless: boolean;
}

/** `keep` leaves the spelling of a key in the target as it is, `source` plans the source's. */
export const KEY_SPELLINGS = ['keep', 'source'] as const;
export type KeySpelling = (typeof KEY_SPELLINGS)[number];

/** One source table and one target table, as the config has them: the names only, nothing read from a database yet. */
export interface TablePair {
  readonly name: string;
  readonly source: TableRef;
  readonly target: TableRef;
  /** Key columns by their source names; null: the primary key. */
  readonly key: readonly string[] | null;
  /** Source column name to target column name, where they differ. */
  readonly columns: Readonly<Record<string, string>>;
  /** Source column names that are not compared. */
  readonly exclude: readonly string[];
  /** By source column name; other columns have none. */
  readonly tolerance?: Readonly<Record<string, Tolerance>>;
  /** By source column name; texts of other columns are compared byte by byte. */
  readonly text?: Readonly<Record<string, TextRule>>;
  /** An SQL condition in the source's and the target's own column names, or null. */
  readonly where: string | null;
  readonly critical: boolean;
  /** The zone of times without one, on both sides; absent: that of the connection, or else of its database. */
  readonly timeZone?: string;
  /** The column by which changed rows are found, by its source name; absent: none. */
  readonly updatedAt?: string;
  /** How far before the watermark changed rows are read again, in milliseconds; absent: as their column's type asks. */
  readonly overlapMs?: number;
  /** How a sample is drawn; absent: the run draws none. */
  readonly sample?: SampleTerms;
  /** What is checked beside the rows; absent in runs of earlier versions. */
  readonly checks?: TableChecks;
  readonly corrections: CorrectionPolicies;
  /** What is done about a key that is equal on both sides but spelt otherwise in the target; absent: `keep`. */
  readonly keySpelling?: KeySpelling;
  /** Absent in runs of earlier versions: no limit. */
  readonly guard?: Guard;
  /** What its corrections may change beside the plan; absent: `record`. */
  readonly sideEffects?: SideEffectPolicy;
  readonly chunkRows: number;
  readonly settle: { readonly delayMs: number; readonly attempts: number };
}

/** A run's config as it is kept in the ledger: everything but the secrets. */
export interface RunConfig {
  readonly tables: readonly TablePair[];
  /** Absent in runs of earlier versions: `full`. */
  readonly mode?: RunMode;
  /** The scheduled job that the run is of; absent: none. */
  readonly job?: Job;
  /** The table pairs of the config that the run is not about, for what refers to them; absent: none. */
  readonly others?: readonly TablePair[];
  /** The business rules that the run checks; absent: none. */
  readonly rules?: readonly BusinessRule[];
  readonly concurrency: number;
  /** Absent in runs of earlier versions. */
  readonly throttle?: Throttle;
  readonly approvalTimeoutMs: number;
  /** For tables that a plan changes though no pair names them; absent in runs of earlier versions: no limit. */
  readonly guard?: Guard;
  /** Whether who requested a run may not approve it; absent in runs of earlier versions: they may. */
  readonly fourEyes?: boolean;
  readonly ledgerSchema: string;
}
