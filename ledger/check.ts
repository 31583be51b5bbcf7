import type { CheckFinding, CheckOutcome, CheckRef, CheckStatus, CheckSummary } from '../contracts/check';
import type { ErrorCode } from '../contracts/errors';
import type { Queryable } from '../database/connection';

/**
 * SQL for whether a finding makes a run inconsistent. One of low severity is worth knowing and no more; an anomaly is a
 * guess; a drift of the schema counts where rows cannot be kept equal because of it.
 */
export const WEIGHS = `(severity <> 'low' and inconsistency_type <> 'anomaly'
    and (inconsistency_type <> 'schema_drift' or severity in ('high', 'critical')))`;

const ONE = 'run_id = $1 and kind = $2 and subject = $3';
const idOf = (runId: string, { kind, subject }: CheckRef) => [runId, kind, subject] as const;

export async function insertChecks(ledger: Queryable, runId: string, checks: readonly CheckRef[]): Promise<void> {
  await ledger.query(
    `insert into run_check (run_id, kind, subject, ordinal)
     select $1, c ->> 'kind', c ->> 'subject', n from jsonb_array_elements($2::jsonb) with ordinality as t(c, n)
     on conflict do nothing`,
    [runId, JSON.stringify(checks)],
  );
}

interface CheckRow {
  kind: CheckSummary['kind'];
  subject: string;
  status: CheckStatus;
  findings: string;
  transient: string;
  unsettled: string;
  detail: string | null;
  error_code: ErrorCode | null;
  error_message: string | null;
}

/** The checks of a run, in their order; of one subject where it is given. */
export async function listChecks(
  ledger: Queryable,
  runId: string,
  subject: string | null = null,
): Promise<readonly CheckSummary[]> {
  const { rows } = await ledger.query<CheckRow>(
    `select kind, subject, status, findings, transient, unsettled, detail, error_code, error_message
       from run_check where run_id = $1 and ($2::text is null or subject = $2) order by ordinal`,
    [runId, subject],
  );
  return rows.map((row) => ({
    kind: row.kind,
    subject: row.subject,
    status: row.status,
    findings: Number(row.findings),
    transient: Number(row.transient),
    unsettled: Number(row.unsettled),
    detail: row.detail,
    error: row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? '' },
  }));
}

/** Forgets what an earlier attempt at the same reading left behind. */
export async function beginReading(ledger: Queryable, runId: string, check: CheckRef, reading: number): Promise<void> {
  const id = [...idOf(runId, check), reading];
  await ledger.query(`delete from check_candidate where ${ONE} and first_reading = $4`, id);
  await ledger.query(`update check_candidate set last_reading = $4 - 1 where ${ONE} and last_reading = $4`, id);
}

/** What tells a finding from the others of its table and type, hashed. */
export interface DigestedFinding extends CheckFinding {
  /** SHA-256, in hex. */
  readonly digest: string;
}

/** Enters what a reading sees; what an earlier one saw with the same values stays what it was. */
export async function enterCheckCandidates(
  ledger: Queryable,
  runId: string,
  check: CheckRef,
  reading: number,
  findings: readonly DigestedFinding[],
): Promise<void> {
  if (findings.length === 0) return;
  await ledger.query(
    `insert into check_candidate as c (run_id, kind, subject, table_name, inconsistency_type, key_digest, severity,
                                       record_key, source_data, target_data, differences, detail, first_reading, last_reading)
     select $1, $2, $3, f ->> 'table', f ->> 'type', decode(f ->> 'digest', 'hex'), f ->> 'severity', f -> 'key',
            nullif(f -> 'source', 'null'), nullif(f -> 'target', 'null'), f -> 'differences', f ->> 'detail', $4, $4
       from jsonb_array_elements($5::jsonb) as t(f)
     on conflict (run_id, kind, subject, table_name, inconsistency_type, key_digest) do update
        set first_reading = case when (c.source_data, c.target_data, c.differences)
                                      is not distinct from (excluded.source_data, excluded.target_data, excluded.differences)
                                 then c.first_reading else excluded.first_reading end,
            last_reading = excluded.last_reading, severity = excluded.severity, record_key = excluded.record_key,
            source_data = excluded.source_data, target_data = excluded.target_data,
            differences = excluded.differences, detail = excluded.detail`,
    [...idOf(runId, check), reading, JSON.stringify(findings)],
  );
}

/** How many things the reading saw, and how many of them no earlier one had seen with the same values. */
export async function countReading(
  ledger: Queryable,
  runId: string,
  check: CheckRef,
  reading: number,
): Promise<{ readonly open: number; readonly moving: number }> {
  const { rows } = await ledger.query<{ open: string; moving: string }>(
    `select count(*) as open, count(*) filter (where first_reading = $4) as moving
       from check_candidate where ${ONE} and last_reading = $4`,
    [...idOf(runId, check), reading],
  );
  return { open: Number(rows[0]?.open ?? 0), moving: Number(rows[0]?.moving ?? 0) };
}

/** As {@link countReading} counts what moves, and with it what was first seen in one of the readings that are not confirmed. */
export async function countMoving(
  ledger: Queryable,
  runId: string,
  check: CheckRef,
  reading: number,
  unconfirmed: readonly number[],
): Promise<number> {
  const { rows } = await ledger.query<{ moving: string }>(
    `select count(*) as moving from check_candidate
      where ${ONE} and last_reading = $4 and (first_reading = $4 or first_reading = any ($5::int[]))`,
    [...idOf(runId, check), reading, unconfirmed],
  );
  return Number(rows[0]?.moving ?? 0);
}

export async function noteOutcome(
  ledger: Queryable,
  runId: string,
  check: CheckRef,
  { detail, rows }: CheckOutcome,
): Promise<void> {
  await ledger.query(`update run_check set detail = $4, rows_source = $5, rows_target = $6 where ${ONE}`, [
    ...idOf(runId, check),
    detail,
    rows?.source ?? null,
    rows?.target ?? null,
  ]);
}

/**
 * Ends a check after its last reading: what that one saw becomes findings, where it was so in the reading before too, or
 * where `settles` says that one is enough. Called again it changes nothing. To be called within a transaction.
 */
export async function endCheck(
  session: Queryable,
  runId: string,
  check: CheckRef,
  {
    reading,
    settles,
    unconfirmed = [],
  }: {
    readonly reading: number;
    readonly settles: boolean;
    /** Readings after which no standby was found to have replayed what it had received then. */
    readonly unconfirmed?: readonly number[];
  },
): Promise<void> {
  const id = idOf(runId, check);
  const { rows } = await session.query(
    `select 1 from run_check where ${ONE} and status = 'pending' for no key update`,
    id,
  );
  if (rows.length === 0) return;
  const sure = settles ? '(first_reading < $4 and first_reading <> all ($5::int[]))' : '($5::int[] is not null)';
  await session.query(
    `insert into reconciliation_log (run_id, table_name, inconsistency_type, severity, key_digest, record_key, source_data,
                                     target_data, columns, differences, detail, check_kind, check_subject)
     select run_id, table_name, inconsistency_type, severity, key_digest, record_key, source_data, target_data,
            jsonb_path_query_array(differences, '$[*].name'), differences, detail, kind, subject
       from check_candidate where ${ONE} and last_reading = $4 and ${sure}
     on conflict (run_id, table_name, inconsistency_type, key_digest) do nothing`,
    [...id, reading, unconfirmed],
  );
  await session.query(
    `update run_check r
        set findings = n.findings, transient = n.transient, unsettled = n.unsettled,
            status = case when n.findings + n.unsettled > 0 then 'failed' else 'passed' end
       from (select count(*) filter (where last_reading = $4 and ${sure}) as findings,
                    count(*) filter (where last_reading < $4) as transient,
                    count(*) filter (where last_reading = $4 and not (${sure})) as unsettled
               from check_candidate where ${ONE}) as n
      where r.run_id = $1 and r.kind = $2 and r.subject = $3`,
    [...id, reading, unconfirmed],
  );
  await session.query(`delete from check_candidate where ${ONE}`, id);
}

/** Ends a check that could not look at everything; what it saw is no finding. */
export async function failCheck(
  ledger: Queryable,
  runId: string,
  check: CheckRef,
  error: { readonly code: string; readonly message: string },
): Promise<void> {
  const id = idOf(runId, check);
  await ledger.query(
    `update run_check set status = 'incomplete', error_code = $4, error_message = $5 where ${ONE} and status = 'pending'`,
    [...id, error.code, error.message],
  );
  await ledger.query(`delete from check_candidate where ${ONE}`, id);
}

/** Whether the findings of a table's checks make it inconsistent, and whether one of them, or any, was not made. */
export async function weighChecks(
  ledger: Queryable,
  runId: string,
  table: string,
): Promise<{ readonly failed: boolean; readonly incomplete: boolean; readonly rows: CheckOutcome['rows'] | null }> {
  const { rows } = await ledger.query<
    Record<'failed' | 'incomplete', string> & Record<'source' | 'target', string | null>
  >(
    `select coalesce(bool_or(unsettled > 0 or exists (
              select 1 from reconciliation_log l where l.run_id = c.run_id and l.check_kind = c.kind
                 and l.check_subject = c.subject and ${WEIGHS})), false) as failed,
            coalesce(bool_or(status in ('incomplete', 'pending')), true) as incomplete,
            max(rows_source) as source, max(rows_target) as target
       from run_check c where run_id = $1 and subject = $2 and kind <> 'rules'`,
    [runId, table],
  );
  const { failed, incomplete, source = null, target = null } = rows[0] ?? { failed: 'f', incomplete: 't' };
  return {
    failed: failed === 't',
    incomplete: incomplete === 't',
    rows: source === null || target === null ? null : { source: Number(source), target: Number(target) },
  };
}

/** The checks of these kinds that found something, and were not looked at again since the corrections. */
export async function listToRecheck(
  ledger: Queryable,
  runId: string,
  kinds: readonly string[],
): Promise<readonly CheckRef[]> {
  const { rows } = await ledger.query<CheckRow>(
    `select kind, subject from run_check
      where run_id = $1 and kind = any ($2::text[]) and findings > 0 and rechecked_at is null order by ordinal`,
    [runId, kinds],
  );
  return rows.map(({ kind, subject }) => ({ kind, subject }));
}

/**
 * Resolves the findings of a check that the reading, made after the corrections, no longer saw. To be called within a
 * transaction.
 */
export async function resolveRechecked(
  session: Queryable,
  runId: string,
  check: CheckRef,
  { reading, approved }: { readonly reading: number; readonly approved: boolean },
): Promise<void> {
  const id = idOf(runId, check);
  await session.query(
    `update reconciliation_log l set resolution = $4, resolved_at = clock_timestamp()
      where run_id = $1 and check_kind = $2 and check_subject = $3 and resolution = 'OPEN'
        and not exists (select 1 from check_candidate c
                         where c.run_id = $1 and c.kind = $2 and c.subject = $3 and c.table_name = l.table_name
                           and c.inconsistency_type = l.inconsistency_type and c.key_digest = l.key_digest
                           and c.last_reading = $5)`,
    [...id, approved ? 'APPROVED_CORRECTED' : 'AUTO_CORRECTED', reading],
  );
  await session.query(`update run_check set rechecked_at = clock_timestamp() where ${ONE}`, id);
  await session.query(`delete from check_candidate where ${ONE}`, id);
}
