import type { BusinessRule } from '../contracts/check';
import type { CorrectionPolicies } from '../contracts/correction';
import { DEFAULT_WIPE, type Guard } from '../contracts/guard';
import type { SampleWish } from '../contracts/sample';
import type { SideEffectPolicy } from '../contracts/side-effect';
import type { KeySpelling, RunConfig, TablePair, TableRef } from '../contracts/table-pair';
import type { Throttle } from '../contracts/throttle';
import type { UndoPolicy } from '../contracts/undo';
import type { Schedules } from './schema';

/** What holds for every table that does not say otherwise. */
export interface PairDefaults {
  /** Source column names that are not compared. */
  readonly exclude: readonly string[];
  readonly chunkRows: number;
  readonly settle: { readonly delayMs: number; readonly attempts: number };
  readonly corrections: CorrectionPolicies;
  /** Absent: `keep`. */
  readonly keySpelling?: KeySpelling;
  /** How far before the watermark changed rows are read again; absent: as their column's type asks. */
  readonly overlapMs?: number;
  /** How much of a table a run may delete or overwrite before its plan is blocked. */
  readonly guard: Guard;
  /** What corrections may change beside the plan; absent: `record`. */
  readonly sideEffects?: SideEffectPolicy;
}

export interface Defaults extends PairDefaults {
  /** Name of the source connection; null when every table names its own. */
  readonly source: string | null;
  /** Name of the target connection; null when every table names its own. */
  readonly target: string | null;
  /** Chunks compared at once. */
  readonly concurrency: number;
  /** The server cancels a statement on a source or target after this time; 0: never. */
  readonly statementTimeoutMs: number;
  /** How a run by sample draws it, where the run does not say otherwise. */
  readonly sample: SampleWish;
  readonly approvalTimeoutMs: number;
  /** Whether who requested a run may not approve it. */
  readonly fourEyes: boolean;
  /** Whether an undo that deletes or overwrites rows asks first. */
  readonly undo: UndoPolicy;
}

export const DEFAULTS = {
  exclude: [],
  chunkRows: 400_000,
  concurrency: 4,
  // Only what hangs takes so long: a statement reads a chunk, or the index of a table.
  statementTimeoutMs: 3_600_000,
  settle: { delayMs: 2_000, attempts: 3 },
  approvalTimeoutMs: 24 * 3_600_000,
  corrections: { missing: 'auto', mismatched: 'approve', extra: 'approve' },
  guard: { rows: 1_000, percent: 5, wipe: DEFAULT_WIPE },
  fourEyes: false,
  undo: 'approve',
  ledgerSchema: 'trueup',
  pauseEveryMs: 10_000,
  ruleTolerance: '0.01',
  ruleTimeoutMs: 600_000,
} as const;

/**
 * Connections that a worker holds on one database at the most, beside the ledger's: one for each chunk that it compares
 * at once, with room for a run to be tuned to twice as many, and for what goes on beside.
 */
export function defaultMaxConnections(concurrency: number): number {
  return 2 * concurrency + 8;
}

/** trueup.yaml with every default put in, and with no secret in it but by {@link Config.connectionUrl}. */
export interface Config {
  /** The file that it was read from. */
  readonly path: string;
  readonly connectionNames: readonly string[];
  readonly ledger: {
    readonly connection: string;
    readonly schema: string;
    /** How long before-images are kept when nothing else is said to a purge; null: for ever. */
    readonly retentionMs: number | null;
  };
  readonly defaults: Defaults;
  readonly throttle: Throttle;
  /** null: all base tables that have the same schema and name on both default connections. */
  readonly tables: readonly TablePair[] | null;
  readonly rules: readonly BusinessRule[];
  /** When the scheduled jobs run, as the file has it. */
  readonly schedules: Schedules;
  /**
   * The URL of a connection, resolved from the environment at this call: a process needs only the secrets that it uses.
   * Throws CONFIG_ENV_MISSING, or CONFIG_INVALID for an unknown name or a text that is no PostgreSQL URL.
   */
  connectionUrl(name: string): string;
  /** Connections that a worker holds at the most on the database of this name, in each of its roles. */
  maxConnections(name: string): number;
  /** The zone of times without one on the database of this name; undefined: the database's own. */
  timeZone(name: string): string | undefined;
  /**
   * The config of a run over the tables that are asked for, in the order of the file; all of them by default, and for
   * an empty list. Where `tables` is null, the pairs come from `discovered` (see {@link pairOf}).
   * Throws TABLE_UNKNOWN.
   */
  runConfig(tableNames?: readonly string[], discovered?: readonly TablePair[]): RunConfig;
}

/** A table pair with nothing but defaults: what a table that was found in both databases becomes. */
export function pairOf(
  defaults: PairDefaults,
  names: { readonly name: string; readonly source: TableRef; readonly target: TableRef },
): TablePair {
  return {
    name: names.name,
    source: names.source,
    target: names.target,
    key: null,
    columns: {},
    exclude: defaults.exclude,
    where: null,
    critical: false,
    corrections: defaults.corrections,
    ...(defaults.keySpelling === undefined ? {} : { keySpelling: defaults.keySpelling }),
    guard: defaults.guard,
    chunkRows: defaults.chunkRows,
    settle: defaults.settle,
    ...(defaults.overlapMs === undefined ? {} : { overlapMs: defaults.overlapMs }),
    ...(defaults.sideEffects === undefined ? {} : { sideEffects: defaults.sideEffects }),
  };
}
