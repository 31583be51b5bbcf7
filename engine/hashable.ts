import type { Queryable } from '../database/connection';
import { DatabaseFailure } from '../database/failure';

/** Which of the given types have no hash function on one of the databases: values of them are compared as text. */
export async function findUnhashable(
  databases: readonly Queryable[],
  types: readonly string[],
): Promise<ReadonlySet<string>> {
  const unhashable = new Set<string>();
  for (const type of new Set(types)) {
    for (const database of databases) {
      if (!(await isHashable(database, type))) unhashable.add(type);
    }
  }
  return unhashable;
}

async function isHashable(database: Queryable, type: string): Promise<boolean> {
  try {
    // The function looks the type up before it looks at the value.
    await database.query(`select hash_record_extended(row(null::${type}), 0)`);
    return true;
  } catch (error) {
    // No hash function; or no such type on this side, which then has no column of it either.
    if (error instanceof DatabaseFailure && /^42/.test(error.sqlState)) return error.sqlState === '42704';
    throw error;
  }
}
