import { createHash } from 'node:crypto';
import type { Comparison } from '../contracts/comparison';
import type { TextRow } from '../contracts/finding';

/** The values of the key columns in the key's order, in the text form of their common types; null for NULL. */
export type KeyValues = readonly (string | null)[];

/** A key as one string, equal exactly where the keys are equal. */
export function keyText(values: KeyValues): string {
  return JSON.stringify(values);
}

/** SHA-256 of a key, in hex: short enough for any index, whatever the key's length. */
export function keyDigest(values: KeyValues): string {
  return createHash('sha256').update(keyText(values)).digest('hex');
}

/** Key columns by their source names. */
export function keyRecord(comparison: Comparison, values: KeyValues): TextRow {
  return Object.fromEntries(comparison.key.map((column, i) => [column.source, values[i] ?? null]));
}

export function keyValues(comparison: Comparison, record: TextRow): KeyValues {
  return comparison.key.map((column) => record[column.source] ?? null);
}
