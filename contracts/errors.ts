import { EXIT, type ExitCode } from './exit-code';

interface ErrorEntry {
  /** Whether trying the same step again can help. */
  readonly retryable: boolean;
  readonly exitCode: ExitCode;
  /** What the user can do about it. */
  readonly help: string;
}

/** Every failure that Trueup names. docs/errors.md is written from this table. */
export const ERRORS = {
  CONFIG_NOT_FOUND: {
    retryable: false,
    exitCode: EXIT.usage,
    help: 'Write one with `trueup init --source URL --target URL`, or name it with --config or TRUEUP_CONFIG.',
  },
  CONFIG_MALFORMED: { retryable: false, exitCode: EXIT.usage, help: 'Mend the YAML at the line that is named.' },
  CONFIG_INVALID: {
    retryable: false,
    exitCode: EXIT.usage,
    help: 'Change the field that is named to one of the values that are allowed.',
  },
  CONFIG_ENV_MISSING: {
    retryable: false,
    exitCode: EXIT.usage,
    help: 'Set the environment variable for this process (and for the worker), then try again.',
  },
  USAGE: { retryable: false, exitCode: EXIT.usage, help: 'See `trueup --help`.' },
  INPUT_INVALID: {
    retryable: false,
    exitCode: EXIT.usage,
    help: 'Give the workflow one JSON object with the fields that the message names; `{}` is a dry run of all tables.',
  },
  TABLE_UNKNOWN: {
    retryable: false,
    exitCode: EXIT.usage,
    help: 'Use a table name from the config, or add the table to it.',
  },
  TABLE_NOT_FOUND: {
    retryable: false,
    exitCode: EXIT.usage,
    help: 'Check the schema and name of the table in the config, and that the user may see it.',
  },
  KEY_UNUSABLE: {
    retryable: false,
    exitCode: EXIT.usage,
    help: 'Name columns that are unique and never NULL on both sides under `key:` in the config.',
  },
  COLUMN_NOT_FOUND: {
    retryable: false,
    exitCode: EXIT.usage,
    help: 'Correct the column name in the config, or map it under `columns:`.',
  },
  COLUMNS_INCOMPARABLE: {
    retryable: false,
    exitCode: EXIT.usage,
    help: 'Exclude the column, or give both sides types that have a common form.',
  },
  UPDATED_AT_UNUSABLE: {
    retryable: false,
    exitCode: EXIT.usage,
    help: 'Name under `updatedAt:` a timestamp that both sides have and every write sets, or run without `--mode incremental`.',
  },
  CHECK_INVALID: {
    retryable: false,
    exitCode: EXIT.usage,
    help: 'Change the check that is named, under `checks:` of the table in the config, to what the message allows.',
  },
  RUN_NOT_FOUND: { retryable: false, exitCode: EXIT.usage, help: 'List the runs with `trueup status`.' },
  RUN_NOT_UNDOABLE: {
    retryable: false,
    exitCode: EXIT.usage,
    help: 'Only a run that has ended and has applied corrections can be undone.',
  },
  RUN_NOT_RESUMABLE: {
    retryable: false,
    exitCode: EXIT.usage,
    help: 'Only a reconciliation that did not compare everything can be resumed; start a new one with `trueup run`.',
  },
  PURGE_REFUSED: {
    retryable: false,
    exitCode: EXIT.usage,
    help: 'A run that has not ended, or whose undo is under way, is kept. Look at what would go with `trueup purge --dry-run`.',
  },
  TUNE_REFUSED: {
    retryable: false,
    exitCode: EXIT.failed,
    help: 'Only a run that is still comparing can be tuned; see where it stands with `trueup status RUN`.',
  },
  DECISION_REFUSED: {
    retryable: false,
    exitCode: EXIT.failed,
    help: 'The message says why. Read the plan again with `trueup plan RUN` and decide on the digest that it shows.',
  },
  REVIEW_REFUSED: {
    retryable: false,
    exitCode: EXIT.failed,
    help: 'Look at the entries again with `trueup review list` and `trueup review show ID`.',
  },
  ALERT_NOT_SENT: {
    retryable: true,
    exitCode: EXIT.failed,
    help: 'Look at the server behind TRUEUP_ALERT_WEBHOOK; the alert stands in the log of the worker.',
  },
  SCHEDULE_UNKNOWN: {
    retryable: false,
    exitCode: EXIT.usage,
    help: 'Name a schedule of the config (`trueup schedule list`), and make them with `trueup schedule apply`.',
  },
  DATABASE_UNREACHABLE: {
    retryable: true,
    exitCode: EXIT.failed,
    help: 'Check host, port and network of the connection, and that the server is up.',
  },
  POOLER_UNSUPPORTED: {
    retryable: false,
    exitCode: EXIT.usage,
    help:
      'A pooler in front of the database refuses what every transaction needs. Use its transaction or session mode for ' +
      'this connection (in PgBouncer `pool_mode = transaction`), no `options` in the URL, or connect to the server itself.',
  },
  WRONG_DATABASE: {
    retryable: true,
    exitCode: EXIT.failed,
    help: 'A worker reaches another database, or another ledger, than the run was opened with. Give all workers of a task queue the same URLs, and each environment a namespace of its own.',
  },
  AUTHENTICATION_FAILED: {
    retryable: false,
    exitCode: EXIT.failed,
    help: "Check user, password and database in the connection's URL.",
  },
  PRIVILEGE_MISSING: {
    retryable: false,
    exitCode: EXIT.failed,
    help: 'Grant the privilege that is named to the user of the connection; `trueup doctor` lists what is needed.',
  },
  ROW_SECURITY: {
    retryable: false,
    exitCode: EXIT.failed,
    help: 'Row security would hide rows from the user of the connection: `alter role … bypassrls`, or connect as a role that sees all rows (without FORCE ROW LEVEL SECURITY, the owner of the table). `trueup doctor` names the policies.',
  },
  READ_ONLY: {
    retryable: true,
    exitCode: EXIT.failed,
    help: 'Name the primary rather than a standby, and a role and a database whose transactions are not read-only.',
  },
  SERVER_UNSUPPORTED: { retryable: false, exitCode: EXIT.failed, help: 'Use PostgreSQL 14 or newer.' },
  STATEMENT_TIMEOUT: {
    retryable: true,
    exitCode: EXIT.failed,
    help: 'Raise the time-out, lower `chunkRows`, or look for the lock or the load that slows the database.',
  },
  DATABASE_BUSY: {
    retryable: true,
    exitCode: EXIT.failed,
    help: 'A lock, a deadlock or too many connections stood in the way; it is tried again.',
  },
  DATABASE_ERROR: {
    retryable: true,
    exitCode: EXIT.failed,
    help: 'Look up the SQLSTATE; the full message of the server stands in its log.',
  },
  RULE_INVALID: {
    retryable: false,
    exitCode: EXIT.failed,
    help: 'Correct the query that is named: one SELECT, the same number of columns on both sides, the keys first and the value last.',
  },
  RULE_KEY_REPEATS: {
    retryable: false,
    exitCode: EXIT.failed,
    help: 'All columns but the last are the key: let the query that is named give each key once, mostly by GROUP BY.',
  },
  RULE_TIMEOUT: {
    retryable: false,
    exitCode: EXIT.failed,
    help: "Raise the rule's `timeout`, or make the query that is named faster.",
  },
  RULE_WRITES: {
    retryable: false,
    exitCode: EXIT.failed,
    help: 'The query of a rule may only read: it runs in a read-only transaction. Nothing was written.',
  },
  LEDGER_INCOMPATIBLE: {
    retryable: false,
    exitCode: EXIT.failed,
    help: 'The ledger was written by a newer Trueup: upgrade this one.',
  },
  EFFECTS_TOO_MANY: {
    retryable: false,
    exitCode: EXIT.failed,
    help: 'Set `extra` of the table to `review` or `ignore`, and delete its rows yourself, in portions.',
  },
  PLAN_CHANGED: {
    retryable: false,
    exitCode: EXIT.failed,
    help: 'The frozen plan no longer has the digest that was approved. Nothing was applied; look into who changed the ledger.',
  },
  TEMPORAL_UNREACHABLE: {
    retryable: true,
    exitCode: EXIT.failed,
    help: 'Check TEMPORAL_ADDRESS and that the server is up, or start an embedded one with `trueup up`.',
  },
  TEMPORAL_CLI_MISSING: {
    retryable: false,
    exitCode: EXIT.failed,
    help: 'Install the `temporal` CLI so that it is on PATH, then try again.',
  },
  EMBEDDED_POSTGRES_FAILED: {
    retryable: false,
    exitCode: EXIT.failed,
    help: 'See the end of the server log above; check free disk space and that the temporary folder can be written.',
  },
  METRICS_ADDRESS_UNUSABLE: {
    retryable: false,
    exitCode: EXIT.usage,
    help: 'Give --metrics or TRUEUP_METRICS_ADDRESS an address of this machine and a port that nobody listens on, such as 127.0.0.1:9464.',
  },
  INTERNAL: { retryable: true, exitCode: EXIT.failed, help: 'This is a fault of Trueup: please report it.' },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERRORS, value);
}

/**
 * A failure with a code from the catalogue. Its message names what was found and may reach a log or a workflow's
 * history, so it never holds a row's value or a secret.
 */
export class TrueupError extends Error {
  override readonly name = 'TrueupError';
  readonly retryable: boolean;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: { readonly retryable?: boolean } = {},
  ) {
    super(message);
    this.retryable = options.retryable ?? ERRORS[code].retryable;
  }

  get help(): string {
    return ERRORS[this.code].help;
  }

  get exitCode(): ExitCode {
    return ERRORS[this.code].exitCode;
  }
}
