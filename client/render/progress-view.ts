import type { ProgressAnswer } from '../../contracts/messages';
import type { Output } from './output';
import { ProgressBars } from './progress-bars';
import { ProgressLines } from './progress-lines';

/** Where a run's progress is shown while somebody waits for it. */
export interface ProgressView {
  show(progress: ProgressAnswer): void;
  /** Something to know that is not progress: no worker, a lost connection. */
  notice(text: string): void;
  /** Pauses the drawing; what is printed next stands below it. */
  stop(): void;
}

export const SILENT_VIEW: ProgressView = { show: () => undefined, notice: () => undefined, stop: () => undefined };

export function linesView(out: Output, now: () => number = Date.now): ProgressView {
  const lines = new ProgressLines();
  return {
    show: (progress) => lines.update(progress, now()).forEach((line) => out.line(line)),
    notice: (text) => out.line(text),
    stop: () => undefined,
  };
}

function barsView(out: Output): ProgressView {
  let bars: ProgressBars | null = null;
  // Drawn again after a stop, as behind the gate, a table that is done would only be said twice.
  const finished = new Set<string>();
  return {
    show: (progress) => {
      const tables = progress.tables.filter((table) => !finished.has(table.name));
      const shown = { ...progress, tables };
      if (!ProgressBars.hasAny(shown)) return;
      bars ??= new ProgressBars(
        out,
        tables.map((table) => table.name),
      );
      bars.update(shown);
    },
    notice: (text) => (bars === null ? out.line(text) : bars.log(text)),
    stop: () => {
      bars?.stop();
      for (const name of bars?.finished ?? []) finished.add(name);
      bars = null;
    },
  };
}

/** Bars on a terminal, lines elsewhere. */
export function progressView(out: Output): ProgressView {
  return out.isTerminal ? barsView(out) : linesView(out);
}
