/** Any number but 0, which is what NULL hashes to: under seed 0 a float of 0 would hash like NULL. */
const SEED = 4_611_686_018_427_388_039n;

/**
 * SQL for a 64-bit hash of a list of expressions, equal where every pair of values is `=` (NULL counts as a value).
 *
 * `hash_record_extended` alone must not be summed up: it is linear in the hashes of its columns (31·h + next, as
 * hashing a record is done in PostgreSQL's rowtypes.c), so two rows that swap a value would leave the sum as it was.
 * Passing it through the seed of a second hash mixes all its 64 bits.
 */
export function hashOf(expressions: readonly string[]): string {
  return `hashint8extended(0, hash_record_extended(row(${expressions.join(', ')}), ${SEED}))`;
}
