import type { Operation } from '../contracts/correction';
import type { ApprovalTerms, Decision } from '../contracts/messages';
import type { Queryable } from '../database/connection';
import { appendEntries, DECISION } from './chain';

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
  await appendDecision(ledger, runId, '$13::int', [...said(entry), entry.decisionNo]);
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
  const next = '(select least(coalesce(min(decision_no), 0), 0) - 1 from decision where run_id = $1)';
  await appendDecision(ledger, runId, next, said({ ...entry, channel: 'late', accepted: false }));
}

/** Values from $2 to $12. */
function said(entry: Omit<DecisionEntry, 'decisionNo'>): readonly unknown[] {
  const { tables, operations, override } = entry;
  return [
    entry.channel,
    entry.decision,
    entry.approver,
    entry.planDigest,
    entry.reason,
    tables ?? null,
    operations ?? null,
    override === true,
    entry.accepted,
    entry.refusal,
    entry.decidedAt ?? null,
  ];
}

async function appendDecision(ledger: Queryable, runId: string, number: string, values: readonly unknown[]) {
  const rows = `select ${number} as decision_no, $2::text as channel, $3::text as decision, $4::text as approver,
                       $5::text as plan_digest, $6::text as reason, $7::text[] as tables, $8::text[] as operations,
                       $9::boolean as override, $10::boolean as accepted, $11::text as refusal,
                       $12::timestamptz as decided_at`;
  await appendEntries(ledger, DECISION, runId, { rows, values: values.map(storable), countBy: ['accepted'] });
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
