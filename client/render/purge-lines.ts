import type { PurgeLine, PurgeSummary } from '../../contracts/purge';
import { drawTable } from './table';
import { count, instant, plural } from './text';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** 1234567 → `1.2 MB`. */
function size(bytes: number): string {
  let [rest, unit] = [bytes, 0];
  while (rest >= 1_000 && unit < UNITS.length - 1) {
    rest /= 1_000;
    unit += 1;
  }
  return `${unit === 0 ? rest : rest.toFixed(1)} ${UNITS[unit] ?? ''}`;
}

function linesTable(what: string, lines: readonly PurgeLine[]): readonly string[] {
  if (lines.length === 0) return [];
  const head = [{ head: what }, { head: 'rows', align: 'right' as const }, { head: 'size', align: 'right' as const }];
  return [
    drawTable(
      head,
      lines.map((line) => [line.table, count(line.rows), size(line.bytes)]),
    ),
  ];
}

/** What a purge drops, for people. */
export function purgeLines(summary: PurgeSummary): readonly string[] {
  const { runs, cutoff, oldest, more, images, ledger, kept } = summary;
  const age = cutoff === null ? '' : ` that ended before ${instant(cutoff)}`;
  const lines = [
    runs === 0 ? `There is nothing to drop of runs${age}.` : `To be dropped: ${plural(runs, 'run')}${age}.`,
  ];
  if (runs > 0) {
    lines.push(`  ${oldest.join(', ')}${runs > oldest.length ? ` and ${count(runs - oldest.length)} more` : ''}`);
    lines.push(...linesTable('before-images of', images), ...linesTable('ledger', ledger));
    if (images.length === 0) lines.push('They have no before-images.');
    lines.push(`${runs === 1 ? 'This run' : 'These runs'} can be undone no more then.`);
  }
  if (more > 0) lines.push(`${plural(more, 'more run')} are left to the next purge.`);
  if (kept.notEnded > 0) lines.push(`Kept: ${plural(kept.notEnded, 'run')} not ended.`);
  if (kept.undoUnderWay > 0) lines.push(`Kept: ${plural(kept.undoUnderWay, 'run')} whose undo is under way.`);
  if (kept.neededByUndo > 0) {
    lines.push(`Kept: ${plural(kept.neededByUndo, 'undo')} of runs that could still be undone.`);
  }
  return lines;
}
