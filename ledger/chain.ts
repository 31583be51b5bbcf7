import type { ChainHead } from '../contracts/run';
import { Database, type Queryable } from '../database/connection';

/** What is entered in the chain of a run: the table, the column that numbers its rows in a run, and what else they say. */
export interface EntryKind {
  readonly table: 'correction_log' | 'decision';
  readonly number: string;
  readonly columns: readonly string[];
}

export const CORRECTION: EntryKind = {
  table: 'correction_log',
  number: 'seq',
  columns: [
    ...['table_name', 'operation', 'record_key', 'before_data', 'after_data', 'status', 'error', 'approver', 'forced'],
  ],
};

export const DECISION: EntryKind = {
  table: 'decision',
  number: 'decision_no',
  columns: [
    ...['channel', 'decision', 'approver', 'plan_digest', 'reason', 'tables', 'operations', 'override', 'accepted'],
    ...['refusal', 'decided_at'],
  ],
};

/**
 * SQL for everything that an entry says, as one text: PostgreSQL's own form of a record, which tells all fields apart. It
 * depends on settings that every session of ours pins. A column that is added one day must leave it as it is for entries
 * made before.
 */
export function entryContent({ table, number, columns }: EntryKind, alias: string): string {
  const fields = ['run_id', number, ...columns, 'created_at'].map((name) => `${alias}.${name}`);
  return `row('${table}', ${fields.join(', ')})::text`;
}

/** SQL for the digest that stands before the first entry of a run. */
export const genesis = (runId: string) => `sha256(convert_to('trueup chain: ' || ${runId}, 'UTF8'))`;

/** Entries that are to be made; see {@link appendEntries}. */
export interface NewEntries {
  /** SQL that selects the number and the columns of each entry, with the types of the table; $1 is the run. */
  readonly rows: string;
  /** From $2 on. */
  readonly values: readonly unknown[];
  /** `rows` gives each number once, and none that is there already; else both are seen to here. */
  readonly areNew?: boolean;
  /** SQL for what the entries are counted by. */
  readonly countBy: readonly string[];
}

/** Entries that were made and agree in what they are counted by. */
export interface EntryCount {
  readonly by: readonly (string | null)[];
  readonly n: number;
}

/**
 * Appends entries to the chain of a run, in the order of their numbers; those that are there already stand. Appenders of one
 * run take turns, so that the chain never forks.
 *
 * @param ledger a pool, or a session that is within a transaction: the others wait until it ends.
 */
export async function appendEntries(
  ledger: Queryable,
  kind: EntryKind,
  runId: string,
  { rows, values, areNew = false, countBy }: NewEntries,
): Promise<readonly EntryCount[]> {
  if (ledger instanceof Database) {
    return ledger.withTransaction('read write', (session) =>
      appendEntries(session, kind, runId, { rows, values, areNew, countBy }),
    );
  }
  await ledger.query('select pg_advisory_xact_lock(hashtextextended($1, 2))', [runId]);
  const { table, number } = kind;
  const columns = ['run_id', number, ...kind.columns, 'created_at', 'chain_no', 'entry_digest'].join(', ');
  const by = countBy.map((_, i) => `v${i}`);
  // Whoever waited for the lock sees with this statement what was entered meanwhile. Each number is looked up by itself:
  // a join would read all that the run has entered, each time anew.
  const missing = `where (select e.${number} from ${table} e where e.run_id = $1 and e.${number} = r.${number}) is null`;
  const { rows: counts } = await ledger.query<{ n: string } & Record<`v${number}`, string | null>>(
    `with entered as (
       insert into ${table} (${columns}, previous_digest)
       select ${columns}, coalesce(lag(entry_digest) over (order by ${number}), head)
         from (select f.*, c.head, c.entries + row_number() over w as chain_no,
                      chain_digest(c.head, ${entryContent(kind, 'f')}) over w as entry_digest
                 from (select ${areNew ? '' : `distinct on (r.${number})`} r.*, $1::text as run_id,
                              statement_timestamp() as created_at
                         from (${rows}) as r ${areNew ? '' : missing}
                        order by r.${number}) as f
                      left join chain c on c.run_id = $1
               window w as (order by f.${number} rows unbounded preceding)) as linked
       returning chain_no, entry_digest, ${countBy.map((value, i) => `${value} as v${i}`).join(', ')}),
     moved as (
       update chain c set entries = l.chain_no, head = l.entry_digest
         from (select chain_no, entry_digest from entered order by chain_no desc limit 1) as l
        where c.run_id = $1)
     select ${by.join(', ')}, count(*) as n from entered group by ${by.join(', ')}`,
    [runId, ...values],
  );
  return counts.map((row) => ({ by: countBy.map((_, i) => row[`v${i}`] ?? null), n: Number(row.n) }));
}

/** Null: the run has no chain, being one of an earlier version. */
export async function readChainHead(ledger: Queryable, runId: string): Promise<ChainHead | null> {
  const { rows } = await ledger.query<{ entries: string; head: string }>(
    `select entries, encode(head, 'hex') as head from chain where run_id = $1`,
    [runId],
  );
  return rows[0] ? { entries: Number(rows[0].entries), head: rows[0].head } : null;
}
