import type { Comparison } from '../contracts/comparison';
import type { Queryable } from '../database/connection';
import { asDefault, asPinned } from '../database/settings';

/**
 * Runs what writes rows with the settings that a session on this database has by default, as triggers, checks and defaults of
 * the target are written for them: they find tables by the search_path, and take the day by the time zone. Our own statements
 * name the schema of everything, and their values are in forms that every setting reads alike. Where `use` throws, the
 * transaction is over, and the settings with it.
 *
 * @param comparison Of the table whose rows are found by their key meanwhile.
 */
export async function withDefaultPath<T>(
  session: Queryable,
  use: () => Promise<T>,
  comparison?: Comparison,
): Promise<T> {
  // The text of a key that is no text, by which its row is found, would have the form of those settings.
  const byText = comparison?.key.some(({ type, cast }) => type === 'text' && cast.target) ?? false;
  await session.query(byText ? asDefault(['search_path']) : asDefault());
  const result = await use();
  await session.query(asPinned());
  return result;
}
