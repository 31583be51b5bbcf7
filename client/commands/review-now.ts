import type { Comparison } from '../../contracts/comparison';
import { TrueupError } from '../../contracts/errors';
import type { TextRow } from '../../contracts/finding';
import type { ReviewEntry } from '../../contracts/review';
import { Database } from '../../database/connection';
import { rowSql } from '../../engine/script';
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
  const { connection } = comparison.pair[role];
  const side = rowSql(comparison, role);
  const database = new Database({
    name: connection,
    url: config.connectionUrl(connection),
    maxConnections: 1,
    readOnly: true,
  });
  try {
    const matches = side.key.map(({ equal, boundType }, i) => `${equal} = $${i + 1}::${boundType}`);
    const { rows } = await database.query<Record<string, string | null>>(
      `select ${side.columns.map(({ text }, i) => `${text} as "c${i}"`).join(', ')}
         from ${side.relation} where ${matches.join(' and ')} limit 1`,
      comparison.key.map((column) => key[column.source] ?? null),
    );
    const [row] = rows;
    return row ? Object.fromEntries(side.columns.map(({ name }, i) => [name, row[`c${i}`] ?? null])) : null;
  } finally {
    await database.close();
  }
}
