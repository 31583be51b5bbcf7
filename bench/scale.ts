import type { ContestantName } from './contestants/contestant';
import { markdownTable } from './markdown';
import type { TableResult } from './ratios';
import { spreadText, type Spread } from './statistics';

const SHOWN = ['limit', 'engine', 'run', 'reladiff'] as const satisfies readonly ContestantName[];

/** Seconds and microseconds a row for each size: flat, where the cost of a row does not grow with the table. */
export function scaleLines(results: readonly TableResult[]): readonly string[] {
  const shown = SHOWN.filter((name) => results.some(({ seconds }) => seconds[name] !== undefined));
  const rows = results.map(({ table, rows, seconds }) => [
    table,
    (rows / 1e6).toString(),
    ...shown.flatMap((name) => [spreadText(seconds[name] ?? null), perRow(seconds[name], rows)]),
    perRow(seconds.run && { ...seconds.run, median: seconds.run.median - (seconds.waited?.median ?? 0) }, rows),
  ]);
  const head = ['table', 'million rows', ...shown.flatMap((name) => [`${name} s`, `${name} µs/row`])];
  return [markdownTable([...head, 'run less its wait µs/row'], rows)];
}

function perRow(spread: Spread | undefined, rows: number): string {
  return spread === undefined ? '–' : ((spread.median / rows) * 1e6).toFixed(3);
}
