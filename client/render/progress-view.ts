import type { ProgressAnswer } from '../../contracts/messages';
import type { Output } from './output';
import { ProgressBars } from './progress-bars';
import { ProgressLines } from './progress-lines';

/** Where a run's progress is shown while somebody waits for it. */
export interface ProgressView {
  show(progress: ProgressAnswer): void;
  /** Something to know that is not progress: no worker, a lost connection. */
  notice(text: string): void;
  /** Ends the drawing; what is printed next stands below it. */
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
  return {
    show: (progress) => {
      if (progress.tables.length === 0) return;
      bars ??= new ProgressBars(
        out,
        progress.tables.map((table) => table.name),
      );
      bars.update(progress);
    },
    notice: (text) => (bars === null ? out.line(text) : bars.log(text)),
    stop: () => {
      bars?.stop();
      bars = null;
    },
  };
}

/** Bars on a terminal, lines elsewhere. */
export function progressView(out: Output): ProgressView {
  return out.isTerminal ? barsView(out) : linesView(out);
}
