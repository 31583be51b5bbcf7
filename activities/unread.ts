import type { Unread } from '../contracts/comparison';
import { TrueupError } from '../contracts/errors';
import type { Queryable } from '../database/connection';
import { noteUnread } from '../ledger/unread';
import type { TableStep } from './compare';

const CODES: readonly string[] = ['ROW_SECURITY', 'PRIVILEGE_MISSING'] satisfies readonly Unread['code'][];
const isUnread = (code: string): code is Unread['code'] => CODES.includes(code);

/**
 * What `use` gives; or `otherwise`, and a note in the ledger, where the server refuses to show the table as a whole: that
 * ends the comparison of this table, and no other's.
 */
export async function unlessUnread<T>(
  ledger: Queryable,
  { runId, table }: TableStep,
  use: () => Promise<T>,
  otherwise: T,
): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (!(error instanceof TrueupError) || !isUnread(error.code)) throw error;
    await noteUnread(ledger, runId, table, { code: error.code, message: `table ${table}: ${error.message}` });
    return otherwise;
  }
}
