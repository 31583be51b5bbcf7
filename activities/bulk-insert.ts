import type { InsertPage } from '../contracts/insert-page';
import type { Queryable } from '../database/connection';
import { quoteQualified } from '../database/identifier';
import { applyBatch, type ApplyContext, type CorrectionOutcome } from '../engine/apply';
import { Batch } from '../engine/batch';
import { insertInBulk, isBulk, type BulkInsert } from '../engine/bulk-insert';
import { nextInsertPage, type InsertColumns } from '../ledger/insert-page';
import { listPlanItems } from '../ledger/plan';
import { ahead } from './ahead';

/** Rows and characters of a transaction: as PostgreSQL writes them, so that a worker holds them as a few texts only. */
const MOST = { rows: 10_000, characters: 4_000_000 };
const ROWS_ONE_BY_ONE = 500;

/** What carries out the inserts of a table in bulk; null: they have to be made row by row. */
export function bulkOf(
  { runId, comparison, sides, sideEffects }: ApplyContext,
  table: string,
  schema: string,
): BulkInsert | null {
  const markers = quoteQualified(schema, 'before_image');
  const bulk = { runId, table, comparison, sides, markers, ...(sideEffects === undefined ? {} : { sideEffects }) };
  return isBulk(bulk) ? bulk : null;
}

export function insertColumns({ comparison, sides }: Pick<ApplyContext, 'comparison' | 'sides'>): InsertColumns {
  return {
    key: comparison.key.map(({ source }) => source),
    written: comparison.writable.map(({ target }) => target),
    read: sides.source.columns.map(({ name }) => name),
  };
}

/** What is left of a step, page by page. */
async function* pages(
  ledger: Queryable,
  columns: InsertColumns,
  runId: string,
  step: number,
  signal: AbortSignal,
): AsyncGenerator<InsertPage> {
  const batch = new Batch(MOST);
  for (let afterSeq = '0'; ;) {
    signal.throwIfAborted();
    const page = await nextInsertPage(ledger, { runId, step, afterSeq }, columns, batch.rows);
    const last = page?.seqs.at(-1);
    if (!page || last === undefined) return;
    batch.saw(page.seqs.length, page.characters);
    yield page;
    afterSeq = last;
  }
}

/**
 * Carries out the inserts of a step, many at once where nothing stands in the way; what does is tried row by row. Yields
 * what came of each page; the next one is read meanwhile. A cancel ends it between two transactions.
 */
export async function* insertPages(
  ledger: Queryable,
  apply: ApplyContext,
  bulk: BulkInsert,
  step: number,
  signal: AbortSignal,
): AsyncGenerator<readonly CorrectionOutcome[]> {
  for await (const page of ahead(pages(ledger, insertColumns(apply), apply.runId, step, signal))) {
    signal.throwIfAborted();
    const done = await insertInBulk(bulk, page);
    const outcomes: CorrectionOutcome[] = [...done].map((seq) => ({
      seq,
      status: 'SUCCESS',
      error: null,
      mayPass: false,
    }));
    const left = page.seqs.filter((seq) => !done.has(seq));
    for (let at = 0; at < left.length; at += ROWS_ONE_BY_ONE) {
      signal.throwIfAborted();
      const items = await listPlanItems(ledger, apply.runId, left.slice(at, at + ROWS_ONE_BY_ONE));
      outcomes.push(...(await applyBatch(apply, items)));
    }
    yield outcomes;
  }
}
