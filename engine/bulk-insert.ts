import type { Comparison } from '../contracts/comparison';
import type { InsertPage } from '../contracts/insert-page';
import type { Queryable } from '../database/connection';
import { DatabaseFailure } from '../database/failure';
import { quoteIdentifier, quoteLiteral } from '../database/identifier';
import type { Sides } from './compare-chunk';
import type { Side } from './side';
import { concernsRows, LOCK_TIMEOUT } from './apply';
import { withDefaultPath } from './default-path';
import { settledBoth } from './locate';

export interface BulkInsert {
  readonly runId: string;
  readonly table: string;
  readonly comparison: Comparison;
  readonly sides: Sides;
  /** The relation of the markers in the target, quoted. */
  readonly markers: string;
}

/** Whether rows of this pair can be inserted in bulk: their keys are found by an index, and are among what is written. */
export function isBulk({ comparison, sides }: BulkInsert): boolean {
  const written = new Set(comparison.writable.map(({ target }) => target));
  return (
    comparison.key.every(({ target }) => written.has(target)) &&
    [...sides.source.key, ...sides.target.key].every(({ own }) => own === null)
  );
}

/**
 * Inserts many rows by a few set-based statements in one transaction, each with its marker. Done are only those that are
 * as the plan has them: the source's row is still the same, the target has none. What is left, and all of them
 * where the database refuses any, is for {@link applyBatch}, which tells of each what is wrong with it.
 *
 * @returns the `seq`s that are done.
 */
export async function insertInBulk(
  bulk: BulkInsert,
  page: InsertPage,
  signal?: AbortSignal,
): Promise<ReadonlySet<string>> {
  const { source, target } = bulk.sides;
  try {
    return await target.database.withTransaction(
      'read write',
      async (session) => {
        // As in applyBatch: attempts take turns.
        await session.query('select pg_advisory_xact_lock(hashtextextended($1, 1))', [bulk.runId]);
        await session.query(`select set_config('lock_timeout', $1, true)`, [LOCK_TIMEOUT]);
        const [now, taken] = await settledBoth(
          source.database.withSession((reader) => readHashes(reader, bulk, page), signal),
          listTaken(session, bulk, page),
        );
        const ready = page.seqs.filter((seq, i) => now.get(seq) === page.expected[i] && !taken.has(seq));
        if (ready.length > 0) await insert(session, bulk, page, ready);
        return new Set(ready);
      },
      signal,
    );
  } catch (error) {
    if (error instanceof DatabaseFailure && (concernsRows(error) || /^40/.test(error.sqlState))) return new Set();
    throw error;
  }
}

/** The page's keys (`$1`) and numbers (`$2`), joined to the side's rows. */
function joinedByKey(side: Side, comparison: Comparison): string {
  const wanted = side.key.map(
    ({ equal, boundType }, i) =>
      `${equal} = ("trueup:key" ->> ${quoteLiteral(comparison.key[i]?.source ?? '')})::${boundType}`,
  );
  return `unnest($1::jsonb[], $2::bigint[]) as "trueup:wanted"("trueup:key", "trueup:seq")
          join ${side.relation} on ${wanted.join(' and ')}`;
}

/** A row's columns as jsonb, names to texts. */
function rowObject(columns: Side['columns']): string {
  const parts: string[] = [];
  // A function takes a hundred arguments at the most.
  for (let at = 0; at < columns.length; at += 50) {
    const pairs = columns.slice(at, at + 50).map(({ name, text }) => `${quoteLiteral(name)}, ${text}`);
    parts.push(`jsonb_build_object(${pairs.join(', ')})`);
  }
  return parts.join(' || ');
}

/** SHA-256 in hex of the source's rows as they are now, by `seq`. */
async function readHashes(
  session: Queryable,
  { comparison, sides }: BulkInsert,
  { keyArray, seqArray }: InsertPage,
): Promise<ReadonlyMap<string, string>> {
  const { source } = sides;
  const { rows } = await session.query<{ seq: string; hash: string }>(
    `select "trueup:seq" as seq, encode(sha256(convert_to((${rowObject(source.columns)})::text, 'UTF8')), 'hex') as hash
       from ${joinedByKey(source, comparison)} where ${source.filter}`,
    [keyArray, seqArray],
  );
  return new Map(rows.map(({ seq, hash }) => [seq, hash]));
}

/** Which of the page need no insert, or cannot have one: the target has the row, be it from here or not. */
async function listTaken(
  session: Queryable,
  { runId, comparison, sides, markers }: BulkInsert,
  { keyArray, seqArray }: InsertPage,
): Promise<ReadonlySet<string>> {
  const { rows } = await session.query<{ seq: string }>(
    `select "trueup:seq" as seq from ${joinedByKey(sides.target, comparison)}
     union
     select seq from ${markers} where run_id = $3 and seq = any ($2::bigint[])`,
    [keyArray, seqArray, runId],
  );
  return new Set(rows.map(({ seq }) => seq));
}

async function insert(
  session: Queryable,
  { runId, table, comparison, sides, markers }: BulkInsert,
  { seqs, seqArray, keyArray, afterArray }: InsertPage,
  ready: readonly string[],
): Promise<void> {
  const { target } = sides;
  const types = new Map(comparison.targetColumns.map(({ name, type }) => [name, type]));
  const names = comparison.writable.map((column) => column.target);
  const values = names.map((name) => `("trueup:after" ->> ${quoteLiteral(name)})::${types.get(name) ?? 'text'}`);
  const only = ready.length === seqs.length ? null : ready;
  await withDefaultPath(session, async () => {
    const inserted = await session.query(
      `insert into ${target.relation} (${names.map(quoteIdentifier).join(', ')}) overriding system value
     select ${values.join(', ')}
       from unnest($1::bigint[], $2::jsonb[]) as "trueup:item"("trueup:seq", "trueup:after")
      where ($3::bigint[] is null or "trueup:seq" = any ($3::bigint[])) and "trueup:after" ?& $4::text[]`,
      [seqArray, afterArray, only, names],
    );
    must(table, ready.length, inserted.rowCount);
    // Constraints that wait for the commit are checked now, and their triggers run, before the row is taken down.
    await session.query('set constraints all immediate');
  });
  const marked = await session.query(
    `insert into ${markers} (run_id, seq, table_name, relation, operation, record_key, before_row, after_row)
     select $3, "trueup:seq", $4, $5, 'insert', "trueup:key", null, ${rowObject(target.columns)}
       from ${joinedByKey(target, comparison)}
      where $6::bigint[] is null or "trueup:seq" = any ($6::bigint[])`,
    [keyArray, seqArray, runId, table, target.relation, only],
  );
  must(table, ready.length, marked.rowCount);
}

function must(table: string, rows: number, changed: number | null): void {
  if (changed === rows) return;
  throw new DatabaseFailure('DATABASE_ERROR', `table ${table}: ${rows} rows were to change`, 'P0001', '');
}
