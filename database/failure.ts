import { types } from 'node:util';
import { TrueupError, type ErrorCode } from '../contracts/errors';

interface DriverError {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly severity?: unknown;
  readonly schema?: unknown;
  readonly table?: unknown;
  readonly constraint?: unknown;
  readonly detail?: unknown;
  readonly where?: unknown;
  readonly routine?: unknown;
}

/** What a violated constraint is, and of which table; the detail quotes the values. */
export interface Violation {
  readonly schema: string;
  readonly table: string;
  readonly constraint: string;
  readonly detail: string;
}

/**
 * The condition's own message is shown only for codes whose text names objects, hosts and users, never a row's value:
 * a failure ends in a workflow's history and in logs. (`invalid input syntax for type integer: "…"` would quote one.)
 */
const SAFE_MESSAGE = /^(08|28|3D|3F|42501$|42P01$|42703$|42883$|53|55|57|25006$|E)/;

const AUTHENTICATION = new Set(['28000', '28P01', '3D000']);
const NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'EAI_AGAIN',
  '57P01',
  '57P02',
  '57P03',
]);
/**
 * PostgreSQL's own function that refuses, as the message may be in any language; and the message, where it came through
 * another server (a foreign table).
 */
const isRowSecurity = ({ routine, message }: DriverError) =>
  routine === 'check_enable_rls' || (typeof message === 'string' && /row-level security policy/.test(message));
const BUSY = new Set(['40001', '40P01', '55P03', '53300']);

/** How PgBouncer words that it pools single statements, or that it passes a startup parameter of the URL to no server. */
const POOLER = /statement pooling mode|unsupported startup parameter/;

function codeOf(sqlState: string, message: string): ErrorCode {
  if (sqlState === '08P01' && POOLER.test(message)) return 'POOLER_UNSUPPORTED';
  if (AUTHENTICATION.has(sqlState)) return 'AUTHENTICATION_FAILED';
  if (sqlState === '42501') return 'PRIVILEGE_MISSING';
  if (sqlState === '42P01') return 'TABLE_NOT_FOUND';
  if (sqlState === '42703') return 'COLUMN_NOT_FOUND';
  if (sqlState === '25006') return 'READ_ONLY';
  if (sqlState === '57014') return 'STATEMENT_TIMEOUT';
  if (BUSY.has(sqlState)) return 'DATABASE_BUSY';
  if (NETWORK.has(sqlState) || sqlState.startsWith('08')) return 'DATABASE_UNREACHABLE';
  if (sqlState === '' && /terminated|timeout exceeded|not queryable|closed|ended/i.test(message)) {
    return 'DATABASE_UNREACHABLE';
  }
  if (sqlState === '' && /password|SASL|SCRAM/i.test(message)) return 'AUTHENTICATION_FAILED';
  return 'DATABASE_ERROR';
}

/** A database failure with its SQLSTATE; `serverMessage` may quote a row's value and belongs in the ledger only. */
export class DatabaseFailure extends TrueupError {
  constructor(
    code: ErrorCode,
    message: string,
    readonly sqlState: string,
    readonly serverMessage: string,
    readonly violation: Violation | null = null,
    /** What the server was at, as it words it: `while locking tuple (0,1) in relation "t"`; empty: it does not say. */
    readonly context = '',
  ) {
    // A constraint, a type or a syntax error fails the same way every time; what may pass by itself is retried.
    const permanent = /^(21|22|23|42|0A|2F)/.test(sqlState);
    super(code, message, permanent ? { retryable: false } : {});
  }
}

/** Maps what node-pg throws to the catalogue; done once, here, for every statement. */
export function mapDriverError(error: unknown, connection: string): Error {
  if (error instanceof TrueupError) return error;
  // Not by `instanceof`, as an error may come from another realm. Several addresses of a host fail with several errors.
  const { errors } = (error ?? {}) as { readonly errors?: unknown };
  if (Array.isArray(errors) && errors.length > 0) return mapDriverError(errors[0], connection);
  if (!types.isNativeError(error))
    return new TrueupError('INTERNAL', `connection ${connection}: ${typeof error} thrown`);
  const { code, message, where } = error as DriverError;
  const sqlState = typeof code === 'string' ? code : '';
  const serverMessage = typeof message === 'string' ? message : '';
  const mapped = sqlState === '42501' && isRowSecurity(error) ? 'ROW_SECURITY' : codeOf(sqlState, serverMessage);
  const shown =
    SAFE_MESSAGE.test(sqlState) || (sqlState === '' && mapped !== 'DATABASE_ERROR')
      ? serverMessage
      : 'the server refused a statement';
  const suffix = sqlState === '' ? '' : ` (SQLSTATE ${sqlState})`;
  return new DatabaseFailure(
    mapped,
    `connection ${connection}: ${shown}${suffix}`,
    sqlState,
    serverMessage,
    violationOf(error),
    typeof where === 'string' ? where : '',
  );
}

function violationOf(error: DriverError): Violation | null {
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  const { schema, table, constraint, detail } = error;
  if (text(constraint) === '') return null;
  return { schema: text(schema), table: text(table), constraint: text(constraint), detail: text(detail) };
}
