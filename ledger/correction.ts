import type { Correction, CorrectionStatus, Operation } from '../contracts/correction';
import type { TextRow } from '../contracts/finding';
import { Database, type Queryable } from '../database/connection';
import { appendEntries, CORRECTION, type NewEntries } from './chain';
import { readContradictions } from './verification';

export interface CorrectionResult {
  readonly seq: string;
  readonly status: CorrectionStatus;
  /** Why it was skipped or failed; may quote the database's message, so it stays in the ledger. */
  readonly error: string | null;
}

/** What was written to the correction log. */
export interface EnteredCorrections {
  readonly counts: Partial<Record<CorrectionStatus, number>>;
  /** Those made by a run that compared and that needed no approval, by table and operation. */
  readonly automatic: readonly { readonly table: string; readonly operation: Operation; readonly n: number }[];
}

/**
 * Entries are counted by their status, table and operation, and by whether they were made by a run that compared and needed
 * no approval. An entry with an approver needed one.
 */
const ENTERED = [
  ...['status', 'table_name', 'operation'],
  `status = 'SUCCESS' and approver is null and (select r.kind = 'reconcile' from run r where r.run_id = $1)`,
];

/** What an entry takes from its item of the plan, `p`; $2 is the approver. */
const OF_ITEM = `p.seq, p.table_name, p.operation, p.record_key, p.before_data, p.after_data`;
const APPROVAL = `case when p.needs_approval then $2::text end as approver, p.forced`;

/** Results of any kind, $3 as JSON, and the effects of each. */
const ATTEMPTED = `select ${OF_ITEM}, r ->> 'status' as status, r ->> 'error' as error, ${APPROVAL}
  from jsonb_array_elements($3::jsonb) as t(r)
       cross join lateral (
         select * from plan_item i where i.run_id = $1 and i.seq = (r ->> 'seq')::bigint
         union all select * from plan_item i where i.run_id = $1 and i.effect_of = (r ->> 'seq')::bigint) as p`;

/**
 * Successes, $3 as numbers from $4 to $5, and the effects of each, but for what is entered. Between their bounds the plan and
 * the log are read in the order of the numbers; without them they might be read as a whole for each page.
 */
const SUCCEEDED = `select ${OF_ITEM}, 'SUCCESS' as status, null::text as error, ${APPROVAL}
    from plan_item p
   where p.run_id = $1 and p.seq between $4::bigint and $5::bigint and p.seq = any ($3::bigint[])
     and not exists (select 1 from correction_log e where e.run_id = $1 and e.seq = p.seq
                                                      and e.seq between $4::bigint and $5::bigint)
  union all
  select ${OF_ITEM}, 'SUCCESS', null, ${APPROVAL}
    from plan_item p
   where p.run_id = $1 and p.effect_of between $4::bigint and $5::bigint and p.effect_of = any ($3::bigint[])
     and p.seq <> all ($3::bigint[])
     and (select e.seq from correction_log e where e.run_id = $1 and e.seq = p.seq) is null`;

/**
 * Writes one entry for each attempted correction, from the frozen plan, and one for each effect of it; an entry that is
 * there already stands. Returns what was written.
 */
export async function insertCorrections(
  ledger: Queryable,
  runId: string,
  approver: string | null,
  results: readonly CorrectionResult[],
): Promise<EnteredCorrections> {
  if (results.length === 0) return { counts: {}, automatic: [] };
  if (ledger instanceof Database) {
    return ledger.withTransaction('read write', (session) => insertCorrections(session, runId, approver, results));
  }
  const counts: Partial<Record<CorrectionStatus, number>> = {};
  const automatic: EnteredCorrections['automatic'][number][] = [];
  const hasSucceeded = ({ status, error }: CorrectionResult) => status === 'SUCCESS' && error === null;
  const entries = [
    ...successes(results.filter(hasSucceeded), approver),
    ...attempts(
      results.filter((result) => !hasSucceeded(result)),
      approver,
    ),
  ];
  for (const some of entries) {
    for (const { by, n } of await appendEntries(ledger, CORRECTION, runId, { ...some, countBy: ENTERED })) {
      const [status, table, operation, isAutomatic] = by as [CorrectionStatus, string, Operation, string];
      counts[status] = (counts[status] ?? 0) + n;
      if (isAutomatic === 't') automatic.push({ table, operation, n });
    }
  }
  return { counts, automatic };
}

type Entries = readonly Omit<NewEntries, 'countBy'>[];

function successes(results: readonly CorrectionResult[], approver: string | null): Entries {
  const seqs = results.map(({ seq }) => BigInt(seq)).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const [first, last] = [seqs[0], seqs.at(-1)];
  if (first === undefined || last === undefined) return [];
  const values = [approver, `{${seqs.join(',')}}`, first.toString(), last.toString()];
  return [{ rows: SUCCEEDED, values, areNew: true }];
}

function attempts(results: readonly CorrectionResult[], approver: string | null): Entries {
  return results.length === 0 ? [] : [{ rows: ATTEMPTED, values: [approver, JSON.stringify(results)] }];
}

/**
 * Appends corrections to the log and to the chain of the run; see {@link appendEntries}. `rows` is SQL that selects `seq`,
 * `table_name`, `operation`, `record_key`, `before_data`, `after_data`, `status`, `error`, `approver` and `forced` of each;
 * $1 is the run, and `values` are from $2 on. Returns how many were written, by their status.
 */
export async function appendCorrections(
  ledger: Queryable,
  runId: string,
  rows: string,
  values: readonly unknown[],
): Promise<ReadonlyMap<CorrectionStatus, number>> {
  const entered = await appendEntries(ledger, CORRECTION, runId, { rows, values, countBy: ['status'] });
  return new Map(entered.map(({ by: [status], n }) => [status as CorrectionStatus, n]));
}

/** Entries of a dry run that are made at once. */
const DRY_RUN_PAGE = 10_000;

/** Enters the whole plan as a dry run; entering it again adds what is not there yet. Returns how many were added. */
export async function insertDryRun(ledger: Queryable, runId: string): Promise<number> {
  let entered = 0;
  for (let after = '0'; ;) {
    const { rows } = await ledger.query<{ last: string | null }>(
      `select max(seq) as last
         from (select seq from plan_item where run_id = $1 and seq > $2 order by seq limit ${DRY_RUN_PAGE}) as page`,
      [runId, after],
    );
    const last = rows[0]?.last ?? null;
    if (last === null) return entered;
    const counts = await appendCorrections(
      ledger,
      runId,
      `select seq, table_name, operation, record_key, before_data, after_data, 'DRY_RUN' as status, null::text as error,
              null::text as approver, forced
         from plan_item where run_id = $1 and seq > $2 and seq <= $3`,
      [after, last],
    );
    entered += counts.get('DRY_RUN') ?? 0;
    after = last;
  }
}

export async function countCorrections(
  ledger: Queryable,
  runId: string,
): Promise<Partial<Record<CorrectionStatus, number>>> {
  const { rows } = await ledger.query<{ status: CorrectionStatus; n: string }>(
    'select status, count(*) as n from correction_log where run_id = $1 group by status order by status',
    [runId],
  );
  return Object.fromEntries(rows.map((row) => [row.status, Number(row.n)]));
}

/** The keys of a table's successful corrections after `afterSeq`, in order. */
export async function nextCorrectedKeys(
  ledger: Queryable,
  runId: string,
  table: string,
  afterSeq: string,
  limit: number,
): Promise<readonly { readonly seq: string; readonly key: Readonly<Record<string, string>> }[]> {
  const { rows } = await ledger.query<{ seq: string; record_key: string }>(
    `select seq, record_key from correction_log
      where run_id = $1 and table_name = $2 and status = 'SUCCESS' and seq > $3 order by seq limit $4`,
    [runId, table, afterSeq, limit],
  );
  return rows.map((row) => ({ seq: row.seq, key: JSON.parse(row.record_key) as Record<string, string> }));
}

interface CorrectionRow {
  seq: string;
  table_name: string;
  operation: Operation;
  status: CorrectionStatus;
  record_key: string;
  before_data: string | null;
  after_data: string | null;
  error: string | null;
  approver: string | null;
  forced: string;
  at: string;
}

const PAGE = 500;

/** The entries of a run by their numbers, a page at a time. */
export async function* streamCorrections(
  ledger: Queryable,
  runId: string,
  filter: {
    readonly table?: string | undefined;
    readonly statuses?: readonly CorrectionStatus[] | undefined;
  } = {},
): AsyncIterable<Correction> {
  const parse = (json: string | null) => (json === null ? null : (JSON.parse(json) as TextRow));
  let after = '0';
  for (;;) {
    const { rows } = await ledger.query<CorrectionRow>(
      `select seq, table_name, operation, status, record_key, before_data, after_data, error, approver, forced,
              to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at
         from correction_log
        where run_id = $1 and seq > $2::bigint and ($3::text is null or table_name = $3::text)
          and ($4::text[] is null or status = any ($4::text[]))
        order by seq limit ${PAGE}`,
      [runId, after, filter.table ?? null, filter.statuses ?? null],
    );
    const differs = await readContradictions(
      ledger,
      runId,
      rows.map(({ seq }) => seq),
    );
    for (const row of rows) {
      const found = differs.get(row.seq);
      yield {
        seq: row.seq,
        table: row.table_name,
        operation: row.operation,
        status: row.status,
        key: JSON.parse(row.record_key) as TextRow,
        before: parse(row.before_data),
        after: parse(row.after_data),
        error: row.error,
        approver: row.approver,
        forced: row.forced === 't',
        ...(found === undefined ? {} : { differs: found }),
        at: row.at,
      };
    }
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return;
    after = last.seq;
  }
}

/** The value of a column that lies farthest in the direction of its sequence, of the rows that a run inserted; null: none. */
export async function farthestInserted(
  ledger: Queryable,
  runId: string,
  table: string,
  { column, ascending }: { readonly column: string; readonly ascending: boolean },
): Promise<string | null> {
  const { rows } = await ledger.query<{ value: string | null }>(
    `select ${ascending ? 'max' : 'min'}(trim_scale((p.after_data ->> $3)::numeric))::text as value
       from plan_item p join correction_log c using (run_id, seq)
      where p.run_id = $1 and p.table_name = $2 and p.operation = 'insert' and c.status = 'SUCCESS'`,
    [runId, table, column],
  );
  return rows[0]?.value ?? null;
}
