import { quoteIdentifier, quoteLiteral } from './identifier';

/**
 * Settings that change the text form of a value or the meaning of a name, the same in every transaction, so that the same
 * value reads the same from any server. A search_path without users' schemas makes every name in our SQL schema-qualified.
 */
export const PINNED_SETTINGS: Readonly<Record<string, string>> = {
  timezone: 'UTC',
  datestyle: 'ISO, YMD',
  intervalstyle: 'postgres',
  extra_float_digits: '3',
  bytea_output: 'hex',
  lc_monetary: 'C',
  xmloption: 'content',
  search_path: 'pg_catalog',
  client_encoding: 'UTF8',
  standard_conforming_strings: 'on',
  // A session that an earlier crash left inside a transaction must not hold locks for ever.
  idle_in_transaction_session_timeout: '300s',
  // What a policy would hide makes the server refuse the query: rows that are not seen would be taken for missing.
  row_security: 'off',
  jit: 'off',
};

export interface SessionOptions {
  /** Every transaction is read-only: set for whatever is only a source. */
  readonly readOnly?: boolean;
  /** The server cancels a statement after this many milliseconds; 0: never. */
  readonly statementTimeoutMs?: number;
  /** The schema where unqualified names are looked up, for the ledger's own statements; default: none but pg_catalog. */
  readonly searchPath?: string;
}

/** How a transaction reads and writes. One that only reads is rolled back at its end: there is nothing to keep. */
export type TransactionMode = 'read write' | 'read committed, read only' | 'repeatable read, read only';

/**
 * What begins a transaction: one message with all settings, which end with it. None is the session's, as behind a
 * transaction pooler the session is that of other applications, too. `set` takes no snapshot; `set_config` would.
 */
export function beginText(mode: TransactionMode, options: SessionOptions): string {
  const settings = new Map(Object.entries(PINNED_SETTINGS));
  settings.set('statement_timeout', String(options.statementTimeoutMs ?? 0));
  const { searchPath } = options;
  // Whoever waits for a lock has to see what was committed meanwhile, whatever the database's default is.
  const begin = mode === 'read write' ? 'begin isolation level read committed' : `begin isolation level ${mode}`;
  const readOnly = mode === 'read write' && options.readOnly === true ? ', read only' : '';
  return [
    `${begin}${readOnly}`,
    ...[...settings].map(([name, value]) =>
      name === 'search_path' && searchPath !== undefined
        ? `set local search_path to ${quoteIdentifier(searchPath)}`
        : `set local ${name} to ${quoteLiteral(value)}`,
    ),
  ].join('; ');
}

/**
 * Settings that triggers, defaults and checks may depend on, and whose values are not needed to read what we write: ISO
 * dates, signed intervals, hexadecimal bytes. An amount of money is read by its locale, and a float is checked by its text,
 * so these settings stay.
 */
const SEEN_BY_TRIGGERS = ['timezone', 'datestyle', 'intervalstyle', 'bytea_output', 'xmloption', 'search_path'];

/**
 * Makes those settings what they are in a session of the database and role, for the rest of the transaction. `only`: those
 * of these names.
 */
export function asDefault(only: readonly string[] = SEEN_BY_TRIGGERS): string {
  return only.map((name) => `set local ${name} to default`).join('; ');
}

/** Makes them ours again. */
export function asPinned(): string {
  return SEEN_BY_TRIGGERS.map((name) => `set local ${name} to ${quoteLiteral(PINNED_SETTINGS[name] ?? '')}`).join('; ');
}

/** What ends it. A read-only transaction leaves nothing, not even a setting that a user's own query made for its session. */
export function endText(mode: TransactionMode, { readOnly }: SessionOptions): 'commit' | 'rollback' {
  return mode === 'read write' && readOnly !== true ? 'commit' : 'rollback';
}
