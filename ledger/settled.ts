import type { Queryable } from '../database/connection';

/** Takes open candidates for settled at their `attempt`-th reading, before the last one: it is proven that they are not in flight. */
export async function settleProven(
  ledger: Queryable,
  runId: string,
  table: string,
  attempt: number,
  keyDigests: Iterable<string>,
): Promise<void> {
  const digests = [...keyDigests];
  if (digests.length === 0) return;
  await ledger.query(
    `update candidate set state = 'settled', attempts = greatest(attempts, $4)
      where run_id = $1 and table_name = $2 and state = 'open' and not moving
        and key_digest in (select decode(d, 'hex') from unnest($3::text[]) as t(d))`,
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
