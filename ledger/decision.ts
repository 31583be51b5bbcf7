import type { Queryable } from '../database/connection';

export interface DecisionEntry {
  readonly decisionNo: number;
  /** How it came: `signal`, `update` or, after the run had ended, `late`. */
  readonly channel: string;
  readonly decision: string | null;
  readonly approver: string | null;
  readonly planDigest: string | null;
  readonly reason: string | null;
  readonly accepted: boolean;
  readonly refusal: string | null;
}

/** Writes one decision, accepted or refused; written again it stays one entry. */
export async function insertDecision(ledger: Queryable, runId: string, entry: DecisionEntry): Promise<void> {
  await ledger.query(
    `insert into decision (run_id, decision_no, channel, decision, approver, plan_digest, reason, accepted, refusal)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (run_id, decision_no) do nothing`,
    [
      runId,
      entry.decisionNo,
      entry.channel,
      entry.decision,
      entry.approver,
      entry.planDigest,
      entry.reason,
      entry.accepted,
      entry.refusal,
    ],
  );
}

/**
 * Writes a decision that came when no workflow counts them any more. Its number is below zero: those above are the
 * workflow's, which may still be writing one down.
 */
export async function insertLateDecision(
  ledger: Queryable,
  runId: string,
  entry: Omit<DecisionEntry, 'decisionNo' | 'channel' | 'accepted'>,
): Promise<void> {
  for (;;) {
    const { rows } = await ledger.query(
      `insert into decision (run_id, decision_no, channel, decision, approver, plan_digest, reason, accepted, refusal)
       select $1, least(coalesce(min(decision_no), 0), 0) - 1, 'late', $2, $3, $4, $5, false, $6
         from decision where run_id = $1
       on conflict (run_id, decision_no) do nothing
       returning decision_no`,
      [runId, entry.decision, entry.approver, entry.planDigest, entry.reason, entry.refusal],
    );
    if (rows.length > 0) return;
  }
}

export async function listRefusals(ledger: Queryable, runId: string): Promise<readonly string[]> {
  const { rows } = await ledger.query<{ refusal: string }>(
    'select refusal from decision where run_id = $1 and not accepted order by id limit 100',
    [runId],
  );
  return rows.map((row) => row.refusal);
}
