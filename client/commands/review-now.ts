import type { Comparison, KeyColumn } from '../../contracts/comparison';
import { TrueupError } from '../../contracts/errors';
import type { TextRow } from '../../contracts/finding';
import type { ReviewEntry } from '../../contracts/review';
import { Database } from '../../database/connection';
import { quoteIdentifier, quoteQualified } from '../../database/identifier';
import { readComparison } from '../../ledger/run';
import type { RowsNow } from '../render/review-entry';
import { messageOf } from '../temporal/failure';
import type { Context } from './context';

type Role = 'source' | 'target';

/** The entry's row as both sides have it at this moment; or, as a sentence, why that cannot be said. */
export async function readRowsNow(context: Context, entry: ReviewEntry): Promise<RowsNow | string> {
  const unknown = (why: string) => `How the row is now is not known: ${why}.`;
  if (entry.counts !== null) return unknown('no key names it');
  const comparison = entry.lastRun === null ? null : await readComparison(context.ledger, entry.lastRun, entry.table);
  if (comparison === null) return unknown('the run that saw it last is no longer in the ledger');
  try {
    const [source, target] = await Promise.all([
      readRow(context, comparison, 'source', entry),
      readRow(context, comparison, 'target', entry),
    ]);
    return { source, target };
  } catch (error) {
    return unknown(error instanceof TrueupError ? `${error.code}: ${error.message}` : messageOf(error));
  }
}

async function readRow(
  { config }: Context,
  comparison: Comparison,
  role: Role,
  { key }: ReviewEntry,
): Promise<TextRow | null> {
  const { connection, schema, table } = comparison.pair[role];
  const names =
    role === 'target'
      ? comparison.targetColumns.map(({ name }) => name)
      : [...new Set([...comparison.writable, ...comparison.columns].map((column) => column.source))];
  const database = new Database({
    name: connection,
    url: config.connectionUrl(connection),
    maxConnections: 1,
    readOnly: true,
  });
  try {
    const matches = comparison.key.map(
      (column, i) => `${keyValue(column, role)} = $${i + 1}::${column.boundType[role]}`,
    );
    const { rows } = await database.query<Record<string, string | null>>(
      `select ${names.map((name, i) => `${quoteIdentifier(name)}::text as "c${i}"`).join(', ')}
         from ${quoteQualified(schema, table)} where ${matches.join(' and ')} limit 1`,
      comparison.key.map((column) => key[column.source] ?? null),
    );
    const [row] = rows;
    return row ? Object.fromEntries(names.map((name, i) => [name, row[`c${i}`] ?? null])) : null;
  } finally {
    await database.close();
  }
}

/** A key column as it is looked up by value, as when it was compared. */
function keyValue(column: KeyColumn, role: Role): string {
  const name = quoteIdentifier(column[role]);
  return column.order !== 'integer' && column.cast[role] ? `${name}::${column.castTo}` : name;
}
