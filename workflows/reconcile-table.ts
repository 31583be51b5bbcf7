import {
  CancellationScope,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  isCancellation,
  setCurrentDetails,
  setDefaultSignalHandler,
  setHandler,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { CheckKind } from '../contracts/check';
import { emptySummary, type TablePhase, type TableSummary } from '../contracts/run';
import type { ChunkLimits, Tuning } from '../contracts/throttle';
import { long, quick } from './activities';
import { runCheck } from './checks';
import { progressTable, tuningLine } from './details';
import { catalogued } from './failure';
import { Lanes } from './lanes';
import { tableProgress, tuneTable } from './messages';
import { PHASE, TABLE } from './search-attributes';

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
  /** Where an earlier run of this workflow stopped. */
  readonly cursor?: Cursor;
}

interface Cursor {
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
  const pace = new Pace(input.tuning);
  const view = new View(input, pace);
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

async function end(summary: TableSummary, view: View): Promise<TableSummary> {
  await view.end(summary);
  return summary;
}

/** What is checked of the table beside its rows, and how it stands then. */
async function checkTable(
  { runId, table, checks = [], settle }: ReconcileTableInput,
  view: View,
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

async function compare(input: ReconcileTableInput, start: Cursor, pace: Pace, view: View): Promise<Cursor> {
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

async function settle(input: ReconcileTableInput, pace: Pace, view: View): Promise<void> {
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

/** How fast this table is compared. */
class Pace {
  readonly lanes: Lanes;

  constructor(private current: Tuning) {
    this.lanes = new Lanes(this.#width());
  }

  get tuning(): Tuning {
    return this.current;
  }

  get limits(): ChunkLimits {
    const { concurrency, maxChunksPerConnection: perConnection } = this.current;
    return { concurrency, perConnection };
  }

  change(tuning: Tuning): void {
    this.current = tuning;
    this.lanes.width = this.#width();
  }

  /** Waits for as long as the run is paused. */
  async go(): Promise<void> {
    if (this.current.paused !== null) await condition(() => this.current.paused === null);
  }

  #width(): number {
    return this.current.paused === null ? this.current.concurrency : 0;
  }
}

const REPORT_EVERY_MS = 2_000;

/** What this table shows of itself: details and search attributes here, a line in the parent's table. */
class View {
  #summary: TableSummary;
  #reported: number;
  #toldAt = Date.now();
  #telling: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly input: ReconcileTableInput,
    private readonly pace: Pace,
  ) {
    this.#summary = emptySummary(input.table, 'running', 'planning');
    this.#reported = input.cursor?.reported ?? 0;
  }

  /** Progress reports sent so far, in this and earlier runs of the workflow. */
  get reported(): number {
    return this.#reported;
  }

  enter(phase: TablePhase): void {
    this.#summary = { ...this.#summary, phase };
    this.#label();
    this.show();
  }

  update(cursor: Cursor): void {
    const { chunks, done: chunksDone, rowsSource, rowsTarget } = cursor;
    this.#summary = { ...this.#summary, chunks, chunksDone, rowsSource, rowsTarget };
  }

  /** Tells of progress, at most `reports` times over the whole table, and not more often than anyone looks. */
  report(): void {
    const { chunks, chunksDone } = this.#summary;
    const part = chunks === 0 ? 0 : Math.floor((chunksDone * this.input.reports) / chunks);
    if (part <= this.#reported || Date.now() - this.#toldAt < REPORT_EVERY_MS) return;
    this.#reported = part;
    this.show();
    this.tell();
  }

  /** The parent hears of the end by the result. */
  async end(summary: TableSummary): Promise<void> {
    this.#summary = summary;
    this.#label();
    this.show();
    await this.#telling;
  }

  /** Lets the parent know; nobody waits for it to hear. */
  tell(): void {
    this.#toldAt = Date.now();
    this.#telling = Promise.all([this.#telling, this.#signal()]);
  }

  /** What a list of workflows shows and can be filtered by. */
  #label(): void {
    if (!this.input.searchAttributes) return;
    upsertSearchAttributes([
      { key: TABLE, value: this.input.table.slice(0, 255) },
      { key: PHASE, value: this.#summary.phase },
    ]);
  }

  show(): void {
    const sections = [tuningLine(this.pace.tuning, this.input.tuning), progressTable([this.#summary])];
    setCurrentDetails(sections.filter((section) => section !== '').join('\n\n'));
  }

  async #signal(): Promise<void> {
    try {
      await getExternalWorkflowHandle(this.input.parent).signal(tableProgress, this.#summary);
    } catch {
      // The parent hears the result anyway; it can only be gone when this workflow is about to be ended too.
    }
  }
}
