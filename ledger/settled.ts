import type { Queryable } from '../database/connection';
import { SETTLING } from './candidate';

/** Takes open candidates for settled at their `attempt`-th reading, before the last one: it is proven that they are not in flight. */
export async function settleProven(
  ledger: Queryable,
  runId: string,
  table: string,
  attempt: number,
  keyDigests: Iterable<string>,
): Promise<void> {
  // An array, as the planner looks each of its elements up; a set it would join with all that is open.
  const digests = [...keyDigests].map((digest) => `\\x${digest}`);
  if (digests.length === 0) return;
  await ledger.query(
    `with ${SETTLING}
     update candidate set state = 'settled', attempts = greatest(attempts, $4)
      where run_id = $1 and table_name = $2 and state = 'open' and not moving
        and key_digest = any ($3::bytea[]) and exists (select 1 from settling)`,
    [runId, table, digests, attempt],
  );
}

/** How many candidates settled before they were read `attempts` times. */
export async function countSettledBefore(
  ledger: Queryable,
  runId: string,
  table: string,
  attempts: number,
): Promise<number> {
  const { rows } = await ledger.query<{ n: string }>(
    `select count(*) as n from candidate
      where run_id = $1 and table_name = $2 and state = 'settled' and attempts < $3`,
    [runId, table, attempts],
  );
  return Number(rows[0]?.n ?? 0);
}
