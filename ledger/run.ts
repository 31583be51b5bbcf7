import type { Comparison } from '../contracts/comparison';
import type { Operation } from '../contracts/correction';
import type { ErrorCode } from '../contracts/errors';
import type { GuardBreach } from '../contracts/guard';
import type { RunStatus, TablePhase, TableStatus } from '../contracts/run';
import type { RunConfig, TableRef } from '../contracts/table-pair';
import type { Queryable } from '../database/connection';
import { genesis } from './chain';
import { writeJobLine } from './job';

export interface NewRun {
  readonly kind: 'reconcile' | 'undo' | 'review';
  readonly workflowId: string;
  readonly firstExecutionRunId: string;
  readonly apply: boolean;
  readonly requestedBy: string | null;
  readonly undoOf: string | null;
  readonly config: RunConfig;
}

/**
 * Enters a run and returns its ID: the workflow's ID, with a number behind it when that ID was used before. Called
 * again for the same execution it returns the same ID; one that was entered as refused is then open after all.
 */
export async function insertRun(ledger: Queryable, run: NewRun): Promise<string> {
  const runId = await enterRun(ledger, run);
  await ledger.query(
    `with opened as (
       update run set status = 'running', config = $2::jsonb, ended_at = null, error_code = null, error_message = null
        where run_id = $1 and status = 'failed' and ${NOT_BEGUN} returning run_id)
     update chain c set sealed_entries = null, sealed_head = null, sealed_at = null
       from opened where c.run_id = opened.run_id`,
    [runId, JSON.stringify(run.config)],
  );
  await writeJobLine(ledger, runId);
  return runId;
}

/**
 * Enters a run that could not be opened as failed, and returns its ID. Where another attempt has opened it, and its
 * tables are under way, it stays as it is.
 */
export async function enterRefusedRun(
  ledger: Queryable,
  run: NewRun,
  error: NonNullable<RunEnd['error']>,
): Promise<string> {
  const runId = await enterRun(ledger, run);
  const { rows } = await ledger.query(`select 1 from run where run_id = $1 and ${NOT_BEGUN}`, [runId]);
  if (rows.length > 0) await endRun(ledger, runId, { status: 'failed', error, phases: {} });
  return runId;
}

const NOT_BEGUN = `plan_digest is null and not exists (
        select 1 from run_table t where t.run_id = run.run_id and t.phase <> 'waiting')`;

async function enterRun(ledger: Queryable, run: NewRun): Promise<string> {
  for (;;) {
    const existing = await ledger.query<{ run_id: string }>(
      'select run_id from run where first_execution_run_id = $1',
      [run.firstExecutionRunId],
    );
    if (existing.rows[0]) return existing.rows[0].run_id;
    // The next number whose ID is not another workflow's own. Who takes it in the same moment is seen in the next round.
    const inserted = await ledger.query<{ run_id: string }>(
      `with recursive numbered (n, id) as (
         select earlier.n, case when earlier.n = 1 then $2::text else $2::text || '.' || earlier.n end
           from (select count(*) + 1 as n from run where workflow_id = $2::text) as earlier
         union all
         select n + 1, $2::text || '.' || (n + 1) from numbered where exists (select 1 from run where run_id = id)),
       entered as (
         insert into run (run_id, kind, workflow_id, first_execution_run_id, apply, requested_by, undo_of, config, chained,
                          mode)
         select id, $1::text, $2::text, $3::text, $4::boolean, $5::text, $6::text, $7::jsonb, true,
                coalesce($7::jsonb ->> 'mode', 'full')
           from numbered order by n desc limit 1
         on conflict do nothing
         returning run_id)
       insert into chain (run_id, head) select run_id, ${genesis('run_id')} from entered returning run_id`,
      [
        run.kind,
        run.workflowId,
        run.firstExecutionRunId,
        run.apply,
        run.requestedBy,
        run.undoOf,
        JSON.stringify(run.config),
      ],
    );
    if (inserted.rows[0]) return inserted.rows[0].run_id;
  }
}

export async function readRunConfig(ledger: Queryable, runId: string): Promise<RunConfig | null> {
  const { rows } = await ledger.query<{ config: string }>('select config from run where run_id = $1', [runId]);
  return rows[0] ? (JSON.parse(rows[0].config) as RunConfig) : null;
}

export async function readRunKind(ledger: Queryable, runId: string): Promise<NewRun['kind'] | null> {
  const { rows } = await ledger.query<{ kind: NewRun['kind'] }>('select kind from run where run_id = $1', [runId]);
  return rows[0]?.kind ?? null;
}

/** A run that has ended keeps its status. */
export async function updateRunStatus(ledger: Queryable, runId: string, status: RunStatus): Promise<void> {
  await ledger.query('update run set status = $2 where run_id = $1 and ended_at is null', [runId, status]);
}

/** Notes that a run waits for an approval, and until when; nothing when it has ended. */
export async function setApprovalDeadline(ledger: Queryable, runId: string, deadline: string): Promise<void> {
  await ledger.query(
    `update run set status = 'awaiting_approval', approval_deadline = $2::timestamptz
      where run_id = $1 and ended_at is null`,
    [runId, deadline],
  );
  await writeJobLine(ledger, runId);
}

/** The form in which the items of a plan that is frozen now are hashed; see ledger/plan-digest.ts. */
export const PLAN_FORM = 3;

export async function setPlanDigest(ledger: Queryable, runId: string, digest: string): Promise<void> {
  await ledger.query(
    `update run set plan_digest = $2, plan_form = case when plan_digest is null then ${PLAN_FORM} else plan_form end
      where run_id = $1`,
    [runId, digest],
  );
}

/** Notes which tables of the plan are over their guard. */
export async function setBlocked(ledger: Queryable, runId: string, blocked: readonly GuardBreach[]): Promise<void> {
  await ledger.query('update run set blocked = $2::jsonb where run_id = $1', [runId, JSON.stringify(blocked)]);
}

export async function readRunBlocked(ledger: Queryable, runId: string): Promise<readonly GuardBreach[]> {
  const { rows } = await ledger.query<{ blocked: string }>('select blocked from run where run_id = $1', [runId]);
  return rows[0] ? (JSON.parse(rows[0].blocked) as GuardBreach[]) : [];
}

/** Names of the target's triggers that an operation of the plan fires. */
export interface FiredTriggers {
  readonly table: string;
  readonly operation: Operation;
  readonly names: readonly string[];
}

export async function setTriggers(ledger: Queryable, runId: string, triggers: readonly FiredTriggers[]): Promise<void> {
  await ledger.query('update run set triggers = $2::jsonb where run_id = $1', [runId, JSON.stringify(triggers)]);
}

export async function setVerified(ledger: Queryable, runId: string, checked: number, differing: number): Promise<void> {
  await ledger.query('update run set verified_checked = $2, verified_differing = $3 where run_id = $1', [
    runId,
    checked,
    differing,
  ]);
}

export interface RunEnd {
  readonly status: RunStatus;
  readonly error: { readonly code: ErrorCode; readonly message: string } | null;
  readonly phases: Readonly<Record<string, number>>;
}

/** Ends a run, writes its line of `job_history`, and seals its chain: later entries can be told from those of the run. */
export async function endRun(ledger: Queryable, runId: string, end: RunEnd): Promise<void> {
  await ledger.query(
    `with ended as (
       update run set status = $2, error_code = $3, error_message = $4, phases = $5::jsonb,
              ended_at = coalesce(ended_at, clock_timestamp())
        where run_id = $1)
     update chain set sealed_entries = entries, sealed_head = head, sealed_at = clock_timestamp()
      where run_id = $1 and sealed_at is null`,
    [runId, end.status, end.error?.code ?? null, end.error?.message ?? null, JSON.stringify(end.phases)],
  );
  await writeJobLine(ledger, runId);
}

/** Enters the tables of a run in the order in which parents come before children. */
export async function insertRunTables(
  ledger: Queryable,
  runId: string,
  comparisons: readonly Comparison[],
): Promise<void> {
  await ledger.query(
    `insert into run_table (run_id, table_name, ordinal, comparison, notes, unread)
     select $1, c -> 'pair' ->> 'name', n, c, c -> 'notes', c -> 'unread'
       from jsonb_array_elements($2::jsonb) with ordinality as t(c, n)
     on conflict do nothing`,
    [runId, JSON.stringify(comparisons)],
  );
}

export async function readComparison(ledger: Queryable, runId: string, table: string): Promise<Comparison | null> {
  const { rows } = await ledger.query<{ comparison: string }>(
    `select comparison from run_table where run_id = $1 and table_name = $2
     union all select comparison from plan_table where run_id = $1 and table_name = $2 limit 1`,
    [runId, table],
  );
  return rows[0] ? (JSON.parse(rows[0].comparison) as Comparison) : null;
}

export interface PairState {
  readonly comparison: Comparison;
  readonly status: TableStatus;
}

/** The table pairs of a run on this table of the target, and any that has its name. */
export async function listPairsOn(ledger: Queryable, runId: string, ref: TableRef): Promise<readonly PairState[]> {
  const { rows } = await ledger.query<{ comparison: string; status: TableStatus }>(
    `select comparison, status from run_table
      where run_id = $1 and (comparison -> 'pair' -> 'target' @> $2::jsonb or table_name = $3) order by ordinal`,
    [runId, JSON.stringify(ref), `${ref.schema}.${ref.table}`],
  );
  return rows.map((row) => ({ comparison: JSON.parse(row.comparison) as Comparison, status: row.status }));
}

/** Adds to what the reader of a report should know of a table; what is there already is not said twice. */
export async function addTableNote(ledger: Queryable, runId: string, table: string, note: string): Promise<void> {
  await ledger.query(
    `update run_table set notes = notes || jsonb_build_array($3::text)
      where run_id = $1 and table_name = $2 and not notes @> jsonb_build_array($3::text)`,
    [runId, table, note],
  );
}

/** A table that is done stays so. */
export async function updateTablePhase(ledger: Queryable, runId: string, table: string, phase: TablePhase) {
  await ledger.query(
    `update run_table set phase = $3, status = case when status = 'pending' then 'running' else status end
      where run_id = $1 and table_name = $2 and phase <> 'done'`,
    [runId, table, phase],
  );
}

export interface TableEnd {
  readonly status: TableStatus;
  readonly rowsSource: number;
  readonly rowsTarget: number;
  readonly transient: number;
  readonly unsettled: number;
  readonly notes: readonly string[];
}

export async function endTable(ledger: Queryable, runId: string, table: string, end: TableEnd): Promise<void> {
  await ledger.query(
    `update run_table
        set phase = 'done', status = $3, rows_source = $4, rows_target = $5, transient = $6, unsettled = $7,
            notes = $8::jsonb
      where run_id = $1 and table_name = $2`,
    [runId, table, end.status, end.rowsSource, end.rowsTarget, end.transient, end.unsettled, JSON.stringify(end.notes)],
  );
  await ledger.query(
    `insert into reconciliation_metadata (table_name, last_run_id, last_status, last_completed_at)
     values ($1, $2, $3, clock_timestamp())
     on conflict (table_name) do update
        set last_run_id = excluded.last_run_id, last_status = excluded.last_status,
            last_completed_at = excluded.last_completed_at`,
    [table, runId, end.status],
  );
}

/** Ends a table whose rows were not compared, by what its checks came to. */
export async function endUncompared(
  ledger: Queryable,
  runId: string,
  table: string,
  end: { readonly status: TableStatus; readonly rows: { readonly source: number; readonly target: number } | null },
): Promise<void> {
  await ledger.query(
    `update run_table set phase = 'done', status = $3, rows_source = coalesce($4, 0), rows_target = coalesce($5, 0)
      where run_id = $1 and table_name = $2`,
    [runId, table, end.status, end.rows?.source ?? null, end.rows?.target ?? null],
  );
}

/** A table whose rows agree is not consistent when its checks found what weighs. */
export async function weighTable(ledger: Queryable, runId: string, table: string): Promise<void> {
  await ledger.query(
    `update run_table set status = 'inconsistent' where run_id = $1 and table_name = $2 and status = 'consistent'`,
    [runId, table],
  );
}

/** Gives an undo the table pairs of the run that it undoes, and the tables that its plan touched beside them. */
export async function copyRunTables(ledger: Queryable, runId: string, from: string): Promise<void> {
  await ledger.query(
    `insert into run_table (run_id, table_name, ordinal, comparison)
     select $1, table_name, ordinal, comparison from run_table where run_id = $2
     on conflict do nothing`,
    [runId, from],
  );
  await ledger.query(
    `insert into plan_table (run_id, table_name, comparison)
     select $1, table_name, comparison from plan_table where run_id = $2
     on conflict do nothing`,
    [runId, from],
  );
}
