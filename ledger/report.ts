import type { ReportedCheck, RunMode } from '../contracts/check';
import type { HashMethod } from '../contracts/comparison';
import { TrueupError, type ErrorCode } from '../contracts/errors';
import type { GuardBreach } from '../contracts/guard';
import {
  comparedIn,
  type PhaseTimes,
  type RunReport,
  type RunStatus,
  type TablePhase,
  type TableStatus,
  type TableSummary,
} from '../contracts/run';
import type { RunServers } from '../contracts/server';
import type { Queryable } from '../database/connection';
import { totalChunks, countChunks } from './chunk';
import { readChainHead } from './chain';
import { listChecks } from './check';
import { countCorrections } from './correction';
import { listRefusals, readDecision } from './decision';
import { countFindings, firstFindings } from './finding';
import { readPlanLines } from './plan';
import { countRemaining } from './remaining';
import type { RowsCompared } from './rows-compared';
import { readEstimate } from './sample';
import { listSideEffects } from './side-effect';
import { parseUndoScope } from './undo';
import { readRunResolution } from './resolution';

interface RunRow {
  run_id: string;
  kind: 'reconcile' | 'undo' | 'review';
  workflow_id: string;
  status: RunStatus;
  mode: RunMode;
  plan_digest: string | null;
  blocked: string;
  undo_of: string | null;
  undo: string | null;
  servers: string | null;
  phases: string;
  verified_checked: string | null;
  verified_differing: string | null;
  error_code: ErrorCode | null;
  error_message: string | null;
  started_at: string;
  ended_at: string | null;
}

interface TableRow {
  table_name: string;
  phase: TablePhase;
  status: TableStatus;
  rows_source: string;
  rows_target: string;
  transient: string;
  unsettled: string;
  hash: HashMethod;
  notes: string;
  mode: RunMode;
  rows_compared: RowsCompared | null;
}

const isoTime = (text: string) => new Date(text.replace(' ', 'T').replace(/\+00$/, 'Z')).toISOString();

/** How one table of a run stands. Throws RUN_NOT_FOUND. */
export async function readTableSummary(ledger: Queryable, runId: string, table: string): Promise<TableSummary> {
  const [summary] = await readTables(ledger, runId, table);
  if (!summary) throw new TrueupError('RUN_NOT_FOUND', `run ${runId} has no table ${table} in the ledger`);
  return summary;
}

async function readTables(
  ledger: Queryable,
  runId: string,
  table: string | null = null,
): Promise<readonly TableSummary[]> {
  const { rows } = await ledger.query<TableRow>(
    `select t.table_name, t.phase, t.status, t.rows_source, t.rows_target, t.transient, t.unsettled,
            t.comparison ->> 'hash' as hash, t.notes, r.mode, t.rows_compared
       from run_table t join run r using (run_id)
      where t.run_id = $1 and ($2::text is null or t.table_name = $2) order by t.ordinal`,
    [runId, table],
  );
  const tables: TableSummary[] = [];
  for (const row of rows) {
    const totals = await totalChunks(ledger, runId, row.table_name);
    const chunks = await countChunks(ledger, runId, row.table_name);
    const checks = await listChecks(ledger, runId, row.table_name);
    const estimate = row.rows_compared === 'sample' ? await readEstimate(ledger, runId, row.table_name) : null;
    tables.push({
      name: row.table_name,
      status: row.status,
      phase: row.phase,
      rowsSource: chunks === 0 ? Number(row.rows_source) : totals.rowsSource,
      rowsTarget: chunks === 0 ? Number(row.rows_target) : totals.rowsTarget,
      chunks,
      chunksDone: totals.done,
      findings: await countFindings(ledger, runId, row.table_name),
      transient: Number(row.transient),
      unsettled: Number(row.unsettled),
      ...comparedIn(row.mode, row.rows_compared),
      ...(estimate === null ? {} : { estimate }),
      ...(checks.length === 0 ? {} : { checks: checks.filter(({ kind }) => kind !== 'rules') }),
      hash: row.hash,
      notes: JSON.parse(row.notes) as string[],
    });
  }
  return tables;
}

const FIRST_OF_RULE = 10;

async function readChecks(ledger: Queryable, runId: string): Promise<readonly ReportedCheck[]> {
  const reported: ReportedCheck[] = [];
  for (const check of await listChecks(ledger, runId)) {
    const hasFirst = check.kind === 'rules' && check.findings > 0;
    reported.push(hasFirst ? { ...check, first: await firstFindings(ledger, runId, check, FIRST_OF_RULE) } : check);
  }
  return reported;
}

/** How many findings stand in the review queue, and how many a reviewer decided to keep. */
async function countReviewed(ledger: Queryable, runId: string) {
  const { rows } = await ledger.query<{ in_review: string; kept: string }>(
    `select count(*) filter (where resolution = 'IN_REVIEW') as in_review,
            count(*) filter (where resolution = 'KEPT_TARGET') as kept
       from reconciliation_log where run_id = $1`,
    [runId],
  );
  return { inReview: Number(rows[0]?.in_review ?? 0), kept: Number(rows[0]?.kept ?? 0) };
}

async function toReport(ledger: Queryable, row: RunRow): Promise<RunReport> {
  const review = row.kind === 'review' ? await readRunResolution(ledger, row.run_id) : null;
  const plan = await readPlanLines(ledger, row.run_id);
  const sideEffects = await listSideEffects(ledger, row.run_id);
  const notGivenBack = row.undo_of === null ? [] : await listSideEffects(ledger, row.undo_of);
  return {
    runId: row.run_id,
    kind: row.kind,
    workflowId: row.workflow_id,
    status: row.status,
    mode: row.mode,
    planDigest: row.plan_digest,
    undo: row.undo_of === null ? null : { runId: row.undo_of, ...parseUndoScope(row.undo) },
    // An undo compares no tables: it restores rows. Nor does a review, which corrects what an earlier run has found.
    tables: row.kind !== 'reconcile' ? [] : await readTables(ledger, row.run_id),
    checks: await readChecks(ledger, row.run_id),
    corrections: await countCorrections(ledger, row.run_id),
    plan,
    blocked: JSON.parse(row.blocked) as GuardBreach[],
    decision: await readDecision(ledger, row.run_id),
    leftOut: plan.reduce((sum, line) => sum + (line.leftOut ?? 0), 0),
    remaining: await countRemaining(ledger, row.run_id),
    ...(await countReviewed(ledger, row.run_id)),
    ...(review === null ? {} : { review }),
    verified:
      row.verified_checked === null
        ? null
        : { checked: Number(row.verified_checked), differing: Number(row.verified_differing) },
    ...(row.servers === null ? {} : { servers: JSON.parse(row.servers) as RunServers }),
    ...(sideEffects.length === 0 ? {} : { sideEffects }),
    ...(notGivenBack.length === 0 ? {} : { notGivenBack }),
    phases: JSON.parse(row.phases) as PhaseTimes,
    error: row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? '' },
    refusedDecisions: await listRefusals(ledger, row.run_id),
    chain: await readChainHead(ledger, row.run_id),
    startedAt: isoTime(row.started_at),
    endedAt: row.ended_at === null ? null : isoTime(row.ended_at),
  };
}

/** What the ledger knows of a run, found by its run ID or else as the newest run of that workflow ID. */
export async function readRunReport(ledger: Queryable, ref: string): Promise<RunReport | null> {
  const { rows } = await ledger.query<RunRow>(
    'select * from run where run_id = $1 or workflow_id = $1 order by run_id = $1 desc, started_at desc limit 1',
    [ref],
  );
  return rows[0] ? toReport(ledger, rows[0]) : null;
}

/**
 * What a person means by a name: the first run of a workflow ID has the ID as its own, but whoever uses that ID again
 * and asks for it wants the newest run. With a number behind it an ID means that run.
 */
export async function readNewestReport(ledger: Queryable, ref: string): Promise<RunReport | null> {
  const { rows } = await ledger.query<RunRow>(
    `select * from run where run_id = $1 or workflow_id = $1
      order by run_id = $1 and workflow_id <> $1 desc, started_at desc limit 1`,
    [ref],
  );
  return rows[0] ? toReport(ledger, rows[0]) : null;
}

/** The newest runs first. */
export async function listRuns(ledger: Queryable, limit: number): Promise<readonly RunReport[]> {
  const { rows } = await ledger.query<RunRow>('select * from run order by started_at desc limit $1', [limit]);
  const reports: RunReport[] = [];
  for (const row of rows) reports.push(await toReport(ledger, row));
  return reports;
}
