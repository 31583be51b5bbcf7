import type { CorrectionPolicies } from './correction';

/** A schema-qualified table of a named connection. */
export interface TableRef {
  readonly connection: string;
  readonly schema: string;
  readonly table: string;
}

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
  /** An SQL condition in the source's and the target's own column names, or null. */
  readonly where: string | null;
  readonly critical: boolean;
  readonly corrections: CorrectionPolicies;
  readonly chunkRows: number;
  readonly settle: { readonly delayMs: number; readonly attempts: number };
}

/** A run's config as it is kept in the ledger: everything but the secrets. */
export interface RunConfig {
  readonly tables: readonly TablePair[];
  readonly concurrency: number;
  readonly approvalTimeoutMs: number;
  readonly ledgerSchema: string;
}
