import { MultiBar, type SingleBar } from 'cli-progress';
import type { ProgressAnswer } from '../../contracts/messages';
import { standingOf, type TableSummary } from '../../contracts/run';
import { findingsText } from './findings-text';
import type { Output } from './output';
import { count, plural } from './text';

const CORRECTIONS = 'corrections';

export function barText(table: TableSummary): { readonly phase: string; readonly rest: string } {
  const phase = table.phase === 'done' ? standingOf(table) : table.phase;
  const chunks = table.chunks > 0 ? `${count(table.chunksDone)}/${plural(table.chunks, 'chunk')}` : '';
  const rows = table.rowsSource > 0 ? plural(table.rowsSource, 'row') : '';
  return { phase, rest: [chunks, rows, findingsText(table.findings)].filter((part) => part !== '').join(' · ') };
}

/** One bar for each table, and one for the corrections while they are applied. */
export class ProgressBars {
  readonly #bars = new Map<string, SingleBar>();
  readonly #multi: MultiBar;
  readonly #nameWidth: number;

  constructor(out: Output, names: readonly string[]) {
    this.#nameWidth = Math.min(28, Math.max(CORRECTIONS.length, ...names.map((name) => name.length)));
    this.#multi = new MultiBar({
      stream: out.stream,
      format: '{name} {bar} {percentage}% {phase} {rest}',
      barCompleteChar: '█',
      barIncompleteChar: '░',
      barsize: 20,
      hideCursor: true,
      clearOnComplete: false,
      linewrap: false,
      fps: 8,
      emptyOnZero: true,
      autopadding: true,
      gracefulExit: false,
    });
  }

  /** Whether there is a bar to draw for this answer. */
  static hasAny({ tables, corrections, phase }: ProgressAnswer): boolean {
    return tables.length > 0 || (phase === 'applying' && corrections.total > 0);
  }

  /** Names of the tables whose bars say the last that there is to say. */
  readonly finished = new Set<string>();

  update(progress: ProgressAnswer): void {
    for (const table of progress.tables) {
      if (table.phase === 'done') this.finished.add(table.name);
      // An empty table, or one not planned yet, has no chunk to count: its bar is full exactly when it is done.
      const total = Math.max(1, table.chunks);
      const done = table.phase === 'done' ? total : Math.min(table.chunksDone, total);
      this.#draw(table.name, total, done, barText(table));
    }
    const { done, total } = progress.corrections;
    if (total > 0 && (progress.phase === 'applying' || this.#bars.has(CORRECTIONS))) {
      this.#draw(CORRECTIONS, total, done, { phase: 'applied', rest: `${count(done)}/${count(total)}` });
    }
  }

  /** A line above the bars. */
  log(text: string): void {
    this.#multi.log(`${text}\n`);
    this.#multi.update();
  }

  stop(): void {
    this.#multi.stop();
  }

  #draw(name: string, total: number, done: number, text: { readonly phase: string; readonly rest: string }): void {
    const payload = { name: name.padEnd(this.#nameWidth), phase: text.phase.padEnd(12), rest: text.rest };
    let bar = this.#bars.get(name);
    if (bar === undefined) {
      bar = this.#multi.create(total, done, payload);
      this.#bars.set(name, bar);
    }
    bar.setTotal(total);
    bar.update(done, payload);
  }
}
