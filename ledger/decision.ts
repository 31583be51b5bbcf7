import type { Operation } from '../contracts/correction';
import type { ApprovalTerms, Decision } from '../contracts/messages';
import type { Queryable } from '../database/connection';

export interface DecisionEntry extends ApprovalTerms {
  readonly decisionNo: number;
  /** How it came: `signal`, `update` or, after the run had ended, `late`. */
  readonly channel: string;
  readonly decision: string | null;
  readonly approver: string | null;
  readonly planDigest: string | null;
  readonly reason: string | null;
  readonly accepted: boolean;
  /** When the workflow took it, ISO; null or, in entries of earlier versions, absent: it was refused. */
  readonly decidedAt?: string | null;
  readonly refusal: string | null;
}

/** Writes one decision, accepted or refused; written again it stays one entry. */
export async function insertDecision(ledger: Queryable, runId: string, entry: DecisionEntry): Promise<void> {
  await ledger.query(
    `insert into decision (run_id, decision_no, channel, decision, approver, plan_digest, reason, accepted, refusal,
                           decided_at, tables, operations, override)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::timestamptz, $11::text[], $12::text[], $13)
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
      entry.decidedAt ?? null,
      ...termsOf(entry),
    ].map(storable),
  );
}

/**
 * Writes a decision that came when no workflow counts them any more. Its number is below zero: those above are the
 * workflow's, which may still be writing one down.
 */
export async function insertLateDecision(
  ledger: Queryable,
  runId: string,
  entry: Omit<DecisionEntry, 'decisionNo' | 'channel' | 'accepted' | 'decidedAt'>,
): Promise<void> {
  for (;;) {
    const { rows } = await ledger.query(
      `insert into decision (run_id, decision_no, channel, decision, approver, plan_digest, reason, accepted, refusal,
                             tables, operations, override)
       select $1, least(coalesce(min(decision_no), 0), 0) - 1, 'late', $2, $3, $4, $5, false, $6,
              $7::text[], $8::text[], $9
         from decision where run_id = $1
       on conflict (run_id, decision_no) do nothing
       returning decision_no`,
      [runId, entry.decision, entry.approver, entry.planDigest, entry.reason, entry.refusal, ...termsOf(entry)].map(
        storable,
      ),
    );
    if (rows.length > 0) return;
  }
}

function termsOf({ tables, operations, override }: ApprovalTerms): readonly unknown[] {
  return [tables ?? null, operations ?? null, override === true];
}

/** PostgreSQL holds no NUL in a text, and a decision that anybody sent in any form must not fail to be recorded. */
function storable(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('\0', '\ufffd');
  return Array.isArray(value) ? value.map(storable) : value;
}

interface DecisionRow {
  decision: 'approve' | 'reject';
  approver: string;
  plan_digest: string;
  reason: string | null;
  decided_at: string;
  tables: string | null;
  operations: string | null;
  override: string;
}

/** The decision that was taken; null: none was. */
export async function readDecision(ledger: Queryable, runId: string): Promise<Decision | null> {
  const { rows } = await ledger.query<DecisionRow>(
    `select d.decision, d.approver, coalesce(d.plan_digest, r.plan_digest, '') as plan_digest, d.reason,
            to_char(coalesce(d.decided_at, d.created_at) at time zone 'UTC',
                    'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as decided_at,
            to_json(d.tables) as tables, to_json(d.operations) as operations, d.override
       from decision d join run r using (run_id) where d.run_id = $1 and d.accepted order by d.id limit 1`,
    [runId],
  );
  const row = rows[0];
  if (!row) return null;
  return {
    decision: row.decision,
    approver: row.approver,
    planDigest: row.plan_digest,
    reason: row.reason,
    decidedAt: row.decided_at,
    ...(row.tables === null ? {} : { tables: JSON.parse(row.tables) as string[] }),
    ...(row.operations === null ? {} : { operations: JSON.parse(row.operations) as Operation[] }),
    ...(row.override === 't' ? { override: true } : {}),
  };
}

export async function listRefusals(ledger: Queryable, runId: string): Promise<readonly string[]> {
  const { rows } = await ledger.query<{ refusal: string }>(
    'select refusal from decision where run_id = $1 and not accepted order by id limit 100',
    [runId],
  );
  return rows.map((row) => row.refusal);
}
