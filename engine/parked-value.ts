import { randomBytes, randomUUID } from 'node:crypto';
import type { Queryable } from '../database/connection';
import { quoteIdentifier } from '../database/identifier';
import type { ColumnShape } from '../database/table-shape';

const INTEGERS = new Set(['smallint', 'integer', 'bigint']);
/** Characters of chance that no row holds by accident. */
const ENOUGH = 12;

/**
 * Values that a column can hold for a moment while rows swap theirs, one for each of `count` rows; null: of this type none
 * can be told to be free. That they are is proven by the unique index itself, which refuses one that is not.
 */
export async function parkedValues(
  session: Queryable,
  relation: string,
  column: ColumnShape,
  count: number,
): Promise<readonly string[] | null> {
  const places = Array.from({ length: count }, (_, i) => i + 1);
  if (INTEGERS.has(column.baseType)) {
    const name = quoteIdentifier(column.name);
    const { rows } = await session.query<{ least: string }>(
      `select least(min(${name}), 0)::text as least from ${relation}`,
    );
    const least = BigInt(rows[0]?.least ?? '0');
    return places.map((place) => String(least - BigInt(place)));
  }
  if (column.baseType === 'uuid') return places.map(() => randomUUID());
  if (column.baseType !== 'text' && column.baseType !== 'character varying') return null;
  const length = Number(/\((\d+)\)/.exec(column.type)?.[1] ?? 32);
  if (length < ENOUGH) return null;
  return places.map(() => randomBytes(16).toString('hex').slice(0, Math.min(length, 32)));
}
