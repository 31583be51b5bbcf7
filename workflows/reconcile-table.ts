import {
  CancellationScope,
  continueAsNew,
  isCancellation,
  setCurrentDetails,
  setDefaultSignalHandler,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { CheckKind } from '../contracts/check';
import type { TableSummary } from '../contracts/run';
import type { LedgerIdentity } from '../contracts/server';
import type { ChunkLimits, Tuning } from '../contracts/throttle';
import { holdToLedger, long, quick } from './activities';
import { runCheck } from './checks';
import { catalogued } from './failure';
import { tuneTable } from './messages';
import { Pace } from './pace';
import { TableView } from './table-view';

export interface ReconcileTableInput {
  readonly runId: string;
  readonly table: string;
  readonly parent: string;
  readonly settle: { readonly delayMs: number; readonly attempts: number };
  /** How to compare, until the parent tells otherwise. */
  readonly tuning: Tuning;
  readonly searchAttributes: boolean;
  /** How often at the most the parent is told of progress within a phase. */
  readonly reports: number;
  /** Activities after which the workflow continues as new, so that its history stays short. */
  readonly activitiesPerRun: number;
  /** What is checked beside the rows; absent: nothing. */
  readonly checks?: readonly CheckKind[];
  /** false: rows are not compared. */
  readonly rows?: boolean;
  /** The ledger that its steps are held to; absent in runs of earlier versions. */
  readonly ledger?: LedgerIdentity;
  /** Where an earlier run of this workflow stopped. */
  readonly cursor?: Cursor;
}

export interface Cursor {
  readonly chunks: number;
  /** The first chunk that no activity was started for. */
  readonly next: number;
  readonly done: number;
  readonly rowsSource: number;
  readonly rowsTarget: number;
  /** Progress reports sent so far. */
  readonly reported: number;
}

/** A table of more chunks than this gives each activity several of them. */
const MOST_ACTIVITIES = 5_000;

/** One table pair: plan chunks, compare them in a sliding window, let what differs settle, aggregate. */
export async function reconcileTable(input: ReconcileTableInput): Promise<TableSummary> {
  setDefaultSignalHandler(() => setCurrentDetails(`Decisions go to the workflow \`${input.parent}\`.`));
  holdToLedger(input.ledger);
  const pace = new Pace(input.tuning);
  const view = new TableView(input, pace);
  setHandler(tuneTable, (tuning) => {
    pace.change(tuning);
    view.show();
  });
  await pace.go();
  if (input.rows === false) return end(await checkTable(input, view), view);
  if (!input.cursor) view.enter('planning');
  let cursor = input.cursor ?? (await plan(input));
  view.update(cursor);
  view.enter('comparing');
  view.tell();
  cursor = await compare(input, cursor, pace, view);
  if (cursor.next < cursor.chunks) {
    return continueAsNew<typeof reconcileTable>({
      ...input,
      tuning: pace.tuning,
      cursor: { ...cursor, reported: view.reported },
    });
  }
  await settle(input, pace, view);
  view.enter('aggregating');
  const summary = await long.aggregateTable.executeWithOptions({ summary: `aggregate ${input.table}` }, [
    { runId: input.runId, table: input.table },
  ]);
  const { checks = [] } = input;
  return end(checks.length === 0 ? summary : await checkTable(input, view), view);
}

async function end(summary: TableSummary, view: TableView): Promise<TableSummary> {
  await view.end(summary);
  return summary;
}

/** What is checked of the table beside its rows, and how it stands then. */
async function checkTable(
  { runId, table, checks = [], settle }: ReconcileTableInput,
  view: TableView,
): Promise<TableSummary> {
  view.enter('checking');
  view.tell();
  await Promise.all(checks.map((kind) => runCheck(runId, { kind, subject: table }, settle)));
  return quick.closeTable.executeWithOptions({ summary: `end ${table}` }, [{ runId, table }]);
}

async function plan({ runId, table }: ReconcileTableInput): Promise<Cursor> {
  const { chunks } = await long.planChunks.executeWithOptions({ summary: `plan chunks of ${table}` }, [
    { runId, table },
  ]);
  return { chunks, next: 0, done: 0, rowsSource: 0, rowsTarget: 0, reported: 0 };
}

async function compare(input: ReconcileTableInput, start: Cursor, pace: Pace, view: TableView): Promise<Cursor> {
  const { runId, table } = input;
  const span = Math.max(1, Math.ceil(start.chunks / MOST_ACTIVITIES));
  let cursor = start;
  let started = 0;
  const spans = spansFrom(start.next, start.chunks, span);
  const compared = pace.lanes.run(
    spans,
    async ({ from, until }) => {
      started += 1;
      cursor = { ...cursor, next: until };
      const counts = await compareSpan({ runId, table, from, until, limits: pace.limits }, start.chunks);
      cursor = {
        ...cursor,
        done: cursor.done + counts.done,
        rowsSource: cursor.rowsSource + counts.rowsSource,
        rowsTarget: cursor.rowsTarget + counts.rowsTarget,
      };
      view.update(cursor);
      view.report();
    },
    () => started < input.activitiesPerRun && !workflowInfo().continueAsNewSuggested,
  );
  // Lanes that are empty, as in a pause, do not hear of a cancellation by themselves.
  await Promise.race([compared, CancellationScope.current().cancelRequested]);
  return cursor;
}

function* spansFrom(next: number, chunks: number, span: number) {
  for (let from = next; from < chunks; from += span) yield { from, until: Math.min(from + span, chunks) };
}

/** One chunk that cannot be compared does not end the others: it is named, and the table is incomplete. */
async function compareSpan(
  span: {
    readonly runId: string;
    readonly table: string;
    readonly from: number;
    readonly until: number;
    readonly limits: ChunkLimits;
  },
  chunks: number,
) {
  const last = span.until - 1;
  const which = last === span.from ? `chunk ${span.from + 1}` : `chunks ${span.from + 1}–${last + 1}`;
  try {
    return await long.compareChunks.executeWithOptions({ summary: `compare ${span.table}, ${which} of ${chunks}` }, [
      span,
    ]);
  } catch (error) {
    if (isCancellation(error)) throw error;
    const { code } = catalogued(error);
    if (code === 'KEY_UNUSABLE') throw error;
    return quick.failSpan.executeWithOptions({ summary: `${span.table}, ${which}: not compared (${code})` }, [
      { ...span, code },
    ]);
  }
}

async function settle(input: ReconcileTableInput, pace: Pace, view: TableView): Promise<void> {
  const { runId, table } = input;
  let { open } = await quick.countCandidates.executeWithOptions({ summary: `count what differs in ${table}` }, [
    { runId, table },
  ]);
  if (open === 0) return;
  view.enter('settling');
  view.tell();
  const read = async (attempt: number, summary: string) => {
    await pace.go();
    ({ open } = await long.settleCandidates.executeWithOptions({ summary }, [{ runId, table, attempt }]));
  };
  await read(1, `settle at once what of ${open} rows of ${table} is proven to stand still`);
  for (let attempt = 1; attempt <= input.settle.attempts && open > 0; attempt += 1) {
    const summary = `settle ${open} rows of ${table}, ${attempt} of ${input.settle.attempts}`;
    await sleep(input.settle.delayMs, { summary });
    await read(attempt + 1, summary);
  }
}
