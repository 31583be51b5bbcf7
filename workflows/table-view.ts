import { getExternalWorkflowHandle, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { emptySummary, type TablePhase, type TableSummary } from '../contracts/run';
import { progressTable, tuningLine } from './details';
import { tableProgress } from './messages';
import type { Pace } from './pace';
import type { Cursor, ReconcileTableInput } from './reconcile-table';
import { PHASE, TABLE } from './search-attributes';

const REPORT_EVERY_MS = 2_000;

/** What this table shows of itself: details and search attributes here, a line in the parent's table. */
export class TableView {
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
