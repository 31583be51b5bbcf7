import type { ColumnDifference } from '../contracts/difference';
import type { InconsistencyType, Severity, TextRow } from '../contracts/finding';
import type {
  ReviewEntry,
  ReviewFilter,
  ReviewReportLine,
  ReviewResolution,
  ReviewSelection,
  ReviewStatus,
} from '../contracts/review';
import type { Queryable } from '../database/connection';

/** A time of the ledger as ISO text in microseconds, as SQL. */
export const isoTime = (column: string) => `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

const COLUMNS = `id, table_name, inconsistency_type, severity, status, record_key, source_data, target_data, differences,
  counts, run_id, last_run_id, times_seen, complete, resolution, reviewer, notes, resolution_run_id, last_attempt, healed_by,
  undone_by, ${['created_at', 'last_seen_at', 'changed_at', 'reviewed_at', 'healed_at']
    .map((column) => `${isoTime(column)} as ${column}`)
    .join(', ')}`;

interface ReviewRow {
  id: string;
  table_name: string;
  inconsistency_type: InconsistencyType;
  severity: Severity;
  status: ReviewStatus;
  record_key: string;
  source_data: string | null;
  target_data: string | null;
  differences: string;
  counts: string | null;
  run_id: string | null;
  last_run_id: string | null;
  times_seen: string;
  complete: string;
  resolution: ReviewResolution | null;
  reviewer: string | null;
  notes: string | null;
  resolution_run_id: string | null;
  last_attempt: string | null;
  healed_by: string | null;
  undone_by: string | null;
  created_at: string;
  last_seen_at: string;
  changed_at: string;
  reviewed_at: string | null;
  healed_at: string | null;
}

const parse = <T>(json: string | null) => (json === null ? null : (JSON.parse(json) as T));

function toEntry(row: ReviewRow): ReviewEntry {
  return {
    id: row.id,
    table: row.table_name,
    type: row.inconsistency_type,
    severity: row.severity,
    status: row.status,
    key: JSON.parse(row.record_key) as TextRow,
    source: parse<TextRow>(row.source_data),
    target: parse<TextRow>(row.target_data),
    columns: JSON.parse(row.differences) as ColumnDifference[],
    counts: parse<{ source: number; target: number }>(row.counts),
    firstRun: row.run_id,
    lastRun: row.last_run_id,
    createdAt: row.created_at,
    lastSeenAt: row.last_seen_at,
    changedAt: row.changed_at,
    timesSeen: Number(row.times_seen),
    complete: row.complete === 't',
    resolution: row.resolution,
    reviewer: row.reviewer,
    notes: row.notes,
    reviewedAt: row.reviewed_at,
    resolvedBy: row.resolution_run_id,
    lastAttempt: row.last_attempt,
    healedAt: row.healed_at,
    healedBy: row.healed_by,
    undoneBy: row.undone_by,
  };
}

const PAGE = 500;

/** The entries of the queue by ID, a page at a time; `status` null: all of them. */
export async function* streamReviews(
  ledger: Queryable,
  filter: ReviewFilter,
  status: ReviewStatus | null,
): AsyncIterable<ReviewEntry> {
  for (let after = '0'; ;) {
    const { rows } = await ledger.query<ReviewRow>(
      `select ${COLUMNS} from manual_review_queue q
        where q.id > $1::bigint and ($2::text is null or q.table_name = $2)
          and ($3::text is null or q.inconsistency_type = $3) and ($4::text is null or q.severity = $4)
          and ($5::text is null or q.status = $5)
        order by q.id limit ${PAGE}`,
      [after, filter.table ?? null, filter.type ?? null, filter.severity ?? null, status],
    );
    for (const row of rows) yield toEntry(row);
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return;
    after = last.id;
  }
}

/** null: there is no such entry. */
export async function readReview(ledger: Queryable, id: string): Promise<ReviewEntry | null> {
  const { rows } = await ledger.query<ReviewRow>(`select ${COLUMNS} from manual_review_queue where id = $1::bigint`, [
    id,
  ]);
  return rows[0] ? toEntry(rows[0]) : null;
}

/** The entries with these IDs, as far as there are any, by ID. */
export async function listReviews(ledger: Queryable, ids: readonly string[]): Promise<readonly ReviewEntry[]> {
  const { rows } = await ledger.query<ReviewRow>(
    `select ${COLUMNS} from manual_review_queue where id = any ($1::bigint[]) order by manual_review_queue.id`,
    [ids],
  );
  return rows.map(toEntry);
}

/** Open entries of a selection, as SQL; its parameters are those of {@link selected}. */
export const MATCHING = `q.status = 'PENDING'
  and ($1::bigint[] is null or q.id = any ($1::bigint[])) and ($2::text is null or q.table_name = $2)
  and ($3::text is null or q.inconsistency_type = $3) and ($4::text is null or q.severity = $4)
  and ($5::timestamptz is null or q.changed_at <= $5::timestamptz)`;

/** Those of them that nobody resolves right now. */
export const SELECTED = `${MATCHING} and q.resolution_run_id is null`;

export function selected(selection: ReviewSelection, asOf: string | null): readonly unknown[] {
  if ('ids' in selection) return [selection.ids, null, null, null, asOf];
  const { table, type, severity } = selection.filter;
  return [null, table ?? null, type ?? null, severity ?? null, asOf];
}

export interface ReviewGroup {
  readonly table: string;
  readonly type: InconsistencyType;
  readonly count: number;
}

/** How many open entries a selection holds, by table and type. */
export async function countSelected(
  ledger: Queryable,
  selection: ReviewSelection,
  asOf: string | null,
): Promise<readonly ReviewGroup[]> {
  const { rows } = await ledger.query<{ table_name: string; inconsistency_type: InconsistencyType; n: string }>(
    `select table_name, inconsistency_type, count(*) as n from manual_review_queue q where ${SELECTED}
      group by table_name, inconsistency_type order by table_name, inconsistency_type`,
    selected(selection, asOf),
  );
  return rows.map((row) => ({ table: row.table_name, type: row.inconsistency_type, count: Number(row.n) }));
}

/** The ledger's clock, as an ISO time in microseconds: what a reviewer has seen was seen as of then. */
export async function readLedgerTime(ledger: Queryable): Promise<string> {
  const { rows } = await ledger.query<{ now: string }>(`select ${isoTime('clock_timestamp()')} as now`);
  return rows[0]?.now ?? '';
}

/** The queue by type, severity and status. */
export async function reportReviews(ledger: Queryable): Promise<readonly ReviewReportLine[]> {
  const { rows } = await ledger.query<
    Record<'n' | 'oldest' | 'newest', string> & {
      inconsistency_type: InconsistencyType;
      severity: Severity;
      status: ReviewStatus;
    }
  >(
    `select inconsistency_type, severity, status, count(*) as n, ${isoTime('min(created_at)')} as oldest,
            ${isoTime('max(created_at)')} as newest
       from manual_review_queue group by inconsistency_type, severity, status
      order by array_position(array['PENDING', 'REVIEWED', 'HEALED'], status),
               array_position(array['critical', 'high', 'medium', 'low'], severity), inconsistency_type`,
  );
  return rows.map((row) => ({
    type: row.inconsistency_type,
    severity: row.severity,
    status: row.status,
    count: Number(row.n),
    oldest: row.oldest,
    newest: row.newest,
  }));
}
