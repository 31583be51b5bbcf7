import type { ProgressAnswer, RunPhase } from '../../contracts/messages';
import { standingOf, type TableSummary } from '../../contracts/run';
import { findingsText } from './findings-text';
import { plural, count } from './text';

/** At most one line per table in this time, unless the table changes its phase. */
const QUIET_MS = 4_000;

interface Shown {
  readonly text: string;
  readonly phase: string;
  readonly at: number;
}

export function tableLine(table: TableSummary): string {
  const chunks = table.chunks > 0 ? `, ${count(table.chunksDone)} of ${plural(table.chunks, 'chunk')}` : '';
  const rows = table.rowsSource > 0 ? `, ${plural(table.rowsSource, 'source row')}` : '';
  const findings = findingsText(table.findings);
  const phase = table.phase === 'done' ? standingOf(table) : table.phase;
  return `${table.name}: ${phase}${chunks}${rows}${findings === '' ? '' : `, ${findings}`}`;
}

/** Turns successive answers of the query `progress` into the lines that are worth saying where nothing can be redrawn. */
export class ProgressLines {
  readonly #tables = new Map<string, Shown>();
  #phase: RunPhase | null = null;
  #corrections = { text: '', at: -QUIET_MS };

  update(progress: ProgressAnswer, now: number): readonly string[] {
    const lines: string[] = [];
    if (progress.phase !== this.#phase) {
      this.#phase = progress.phase;
      if (progress.phase !== 'done') lines.push(`phase: ${progress.phase}`);
    }
    for (const table of progress.tables) {
      const text = tableLine(table);
      const shown = this.#tables.get(table.name);
      if (table.phase === 'waiting' || shown?.text === text) continue;
      if (shown?.phase === table.phase && now - shown.at < QUIET_MS) continue;
      this.#tables.set(table.name, { text, phase: table.phase, at: now });
      lines.push(`  ${text}`);
    }
    const { done, total } = progress.corrections;
    if (total > 0 && progress.phase === 'applying') {
      const text = `applied ${count(done)} of ${plural(total, 'correction')}`;
      const due = now - this.#corrections.at >= QUIET_MS || done === total;
      if (text !== this.#corrections.text && due) {
        this.#corrections = { text, at: now };
        lines.push(`  ${text}`);
      }
    }
    return lines;
  }
}
