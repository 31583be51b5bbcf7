import type { Queryable } from './connection';

/** Which kinds of objects {@link readKnown} looks for, and how. */
const LOOKUPS = { type: 'to_regtype', collation: 'to_regcollation', relation: 'to_regclass' } as const;

/** Those of the names, qualified and quoted where SQL needs it, that the database knows. */
export async function readKnown(
  db: Queryable,
  kind: keyof typeof LOOKUPS,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  if (names.length === 0) return new Set();
  const { rows } = await db.query<{ name: string }>(
    `select n as name from unnest($1::text[]) as n where ${LOOKUPS[kind]}(n) is not null`,
    [names],
  );
  return new Set(rows.map(({ name }) => name));
}
