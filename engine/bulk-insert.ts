import type { Comparison } from '../contracts/comparison';
import type { InsertPage } from '../contracts/insert-page';
import type { Queryable } from '../database/connection';
import { DatabaseFailure } from '../database/failure';
import { quoteIdentifier, quoteLiteral } from '../database/identifier';
import { textsHash } from '../database/row-hash';
import type { Sides } from './compare-chunk';
import type { Side } from './side';
import { takeTurn } from './apply';
import { withDefaultPath } from './default-path';
import { settledBoth } from './locate';
import { concernsRows } from './refusal';
import { writtenValues } from './written-value';
import { NothingBeside, type SideEffectTerms } from './side-effects';

export interface BulkInsert {
  readonly runId: string;
  readonly table: string;
  readonly comparison: Comparison;
  readonly sides: Sides;
  /** What may be changed beside the plan; absent: it is not looked at. */
  readonly sideEffects?: SideEffectTerms;
  /** The relation of the markers in the target, quoted. */
  readonly markers: string;
}

/** Whether rows of this pair can be inserted in bulk: their keys are found as they are spelt, by an index, and are among what is written. */
export function isBulk({ comparison, sides }: BulkInsert): boolean {
  const written = new Set(comparison.writable.map(({ target }) => target));
  return (
    comparison.key.every(({ target }) => written.has(target)) &&
    [...sides.source.key, ...sides.target.key].every(({ own, spelled }) => own === null && spelled === null)
  );
}

/**
 * Inserts many rows by a few set-based statements in one transaction, each with its marker. Done are only those that are
 * as the plan has them: the source's row is still the same, the target has none. What is left, and all of them
 * where the database refuses any, is for {@link applyBatch}, which tells of each what is wrong with it. So is each row that
 * did not come out with the hash of the source's row, by which rows are compared.
 *
 * @param leftOut `seq`s that are not tried.
 * @returns the `seq`s that are done.
 */
export async function insertInBulk(
  bulk: BulkInsert,
  page: InsertPage,
  signal?: AbortSignal,
  leftOut: ReadonlySet<string> = new Set(),
): Promise<ReadonlySet<string>> {
  const { source, target } = bulk.sides;
  try {
    return await target.database.withTransaction(
      'read write',
      async (session) => {
        const beside = new NothingBeside(await takeTurn(session, bulk.runId), bulk.sideEffects);
        const [now, taken] = await settledBoth(
          source.database.withSession((reader) => readHashes(reader, bulk, page), signal),
          listTaken(session, bulk, page),
        );
        const hashes = page.seqs.map((seq, i) => {
          const row = now.get(seq);
          const isReady = row?.row === page.expected[i] && !taken.has(seq) && !leftOut.has(seq);
          return isReady ? (row?.compared ?? null) : null;
        });
        await insert(session, bulk, page, hashes);
        const done = new Set(page.seqs.filter((_, i) => hashes[i] !== null));
        beside.expect(bulk.comparison.pair, 'insert', done.size);
        if (done.size > 0) await beside.confirm(session);
        return done;
      },
      signal,
    );
  } catch (error) {
    if (error instanceof WrongRows && leftOut.size === 0 && 2 * error.seqs.size < page.seqs.length) {
      return insertInBulk(bulk, page, signal, error.seqs);
    }
    if (error instanceof DatabaseFailure && (concernsRows(error) || /^40/.test(error.sqlState))) return new Set();
    throw error;
  }
}

/** Rows of a page that did not come out as the source has them. */
class WrongRows extends DatabaseFailure {
  constructor(
    table: string,
    readonly seqs: ReadonlySet<string>,
  ) {
    super('DATABASE_ERROR', `table ${table}: ${seqs.size} rows did not come out as planned`, 'P0001', '');
  }
}

const numbered = (prefix: string, n: number) => Array.from({ length: n }, (_, i) => `"trueup:${prefix}${i}"`);
const texts = (from: number, n: number) => Array.from({ length: n }, (_, i) => `$${from + i}::text[]`);

/**
 * The page's numbers (`$1`) and keys (`$2` on, one for each column of the key), joined to the side's rows. `further`: another
 * array of the page beside them.
 */
function joinedByKey(side: Side, further: { readonly array: string; readonly name: string } | null = null): string {
  const names = numbered('k', side.key.length);
  const wanted = side.key.map(({ equal, boundType }, i) => `${equal} = ${names[i] ?? ''}::${boundType}`);
  const arrays = ['$1::bigint[]', ...texts(2, names.length), ...(further ? [further.array] : [])];
  const columns = ['"trueup:seq"', ...names, ...(further ? [further.name] : [])];
  return `unnest(${arrays.join(', ')}) as "trueup:wanted"(${columns.join(', ')})
          join ${side.relation} on ${wanted.join(' and ')}`;
}

/** A row's columns as jsonb, names to texts. */
function rowObject(columns: readonly { readonly name: string; readonly text: string }[]): string {
  const parts: string[] = [];
  // A function takes a hundred arguments at the most.
  for (let at = 0; at < columns.length; at += 50) {
    const pairs = columns.slice(at, at + 50).map(({ name, text }) => `${quoteLiteral(name)}, ${text}`);
    parts.push(`jsonb_build_object(${pairs.join(', ')})`);
  }
  return parts.join(' || ');
}

interface Hashes {
  /** SHA-256 in hex of all that is read of the row. */
  readonly row: string;
  /** The hash by which rows are compared. */
  readonly compared: string;
}

/** Hashes of the source's rows as they are now, by `seq`. */
async function readHashes(
  session: Queryable,
  { sides: { source } }: BulkInsert,
  { keyArrays, seqArray }: InsertPage,
): Promise<ReadonlyMap<string, Hashes>> {
  const { rows } = await session.query<Hashes & { readonly seq: string }>(
    `select "trueup:seq" as seq, ${textsHash(source.columns.map(({ text }) => text))} as row,
            ${source.rowHash} as compared
       from ${joinedByKey(source)}`,
    [seqArray, ...keyArrays],
  );
  return new Map(rows.map((row) => [row.seq, row]));
}

/** Which of the page need no insert, or cannot have one: the target has the row, be it from here or not. */
async function listTaken(
  session: Queryable,
  { runId, sides, markers }: BulkInsert,
  { keyArrays, seqArray }: InsertPage,
): Promise<ReadonlySet<string>> {
  const { rows } = await session.query<{ seq: string }>(
    `select "trueup:seq" as seq from ${joinedByKey(sides.target)}
     union
     select seq from ${markers} where run_id = $${keyArrays.length + 2} and seq = any ($1::bigint[])`,
    [seqArray, ...keyArrays, runId],
  );
  return new Set(rows.map(({ seq }) => seq));
}

/** @param hashes of the rows that are inserted, in the page's order; null: not this one. */
async function insert(
  session: Queryable,
  bulk: BulkInsert,
  page: InsertPage,
  hashes: readonly (string | null)[],
): Promise<void> {
  const ready = page.seqs.filter((_, i) => hashes[i] !== null);
  if (ready.length === 0) return;
  const only = ready.length === page.seqs.length ? null : ready;
  await withDefaultPath(session, async () => {
    await insertRows(session, bulk, page, { rows: ready.length, only });
    // Constraints that wait for the commit are checked now, and their triggers run, before the row is read back.
    await session.query('set constraints all immediate');
  });
  if ((await insertMarkers(session, bulk, page, hashes)) === ready.length) return;
  const right = await listRight(session, bulk, page, hashes);
  throw new WrongRows(bulk.table, new Set(ready.filter((seq) => !right.has(seq))));
}

/** How many rows of a page are inserted, and which; null: all. */
interface Part {
  readonly rows: number;
  readonly only: readonly string[] | null;
}

async function insertRows(
  session: Queryable,
  { table, comparison, sides }: BulkInsert,
  { seqArray, afterArrays }: InsertPage,
  { rows, only }: Part,
): Promise<void> {
  const columns = comparison.writable.map(({ target }) => target);
  const names = numbered('v', columns.length);
  const valueOf = writtenValues(comparison, { checkSource: true });
  const values = columns.map((name, i) => valueOf(name, names[i] ?? ''));
  const inserted = await session.query(
    `insert into ${sides.target.relation} (${columns.map(quoteIdentifier).join(', ')}) overriding system value
     select ${values.join(', ')}
       from unnest($1::bigint[], ${texts(3, names.length).join(', ')}) as "trueup:item"("trueup:seq", ${names.join(', ')})
      where $2::bigint[] is null or "trueup:seq" = any ($2::bigint[])`,
    [seqArray, only, ...afterArrays],
  );
  must(table, rows, inserted.rowCount);
}

/** The page's rows that came out with their hash, which is parameter `n`; NULL: the row is not meant. */
function joinedByHash(target: Side, n: number): string {
  return `${joinedByKey(target, { array: `$${n}::bigint[]`, name: '"trueup:hash"' })}
          where "trueup:hash" is not distinct from ${target.rowHash}`;
}

/** Enters a marker for each row that is as it has to be; returns for how many. */
async function insertMarkers(
  session: Queryable,
  { runId, table, comparison, sides: { target }, markers }: BulkInsert,
  { seqArray, keyArrays }: InsertPage,
  hashes: readonly (string | null)[],
): Promise<number | null> {
  const key = numbered('k', keyArrays.length).map((name, i) => ({ name: comparison.key[i]?.source ?? '', text: name }));
  const next = keyArrays.length + 2;
  const { rowCount } = await session.query(
    `insert into ${markers} (run_id, seq, table_name, relation, operation, record_key, before_row, after_row)
     select $${next}, "trueup:seq", $${next + 1}, $${next + 2}, 'insert', ${rowObject(key)}, null,
            ${rowObject(target.columns)}
       from ${joinedByHash(target, next + 3)}`,
    [seqArray, ...keyArrays, runId, table, target.relation, hashes],
  );
  return rowCount;
}

async function listRight(
  session: Queryable,
  { sides: { target } }: BulkInsert,
  { seqArray, keyArrays }: InsertPage,
  hashes: readonly (string | null)[],
): Promise<ReadonlySet<string>> {
  const { rows } = await session.query<{ seq: string }>(
    `select "trueup:seq" as seq from ${joinedByHash(target, keyArrays.length + 2)}`,
    [seqArray, ...keyArrays, hashes],
  );
  return new Set(rows.map(({ seq }) => seq));
}

function must(table: string, rows: number, changed: number | null): void {
  if (changed === rows) return;
  throw new DatabaseFailure('DATABASE_ERROR', `table ${table}: ${rows} rows were to change`, 'P0001', '');
}
