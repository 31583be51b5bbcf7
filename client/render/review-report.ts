import type { ReviewReportLine } from '../../contracts/review';
import { drawTable } from './table';
import { count, instant } from './text';

/** The review queue by type, severity and status, open entries first. */
export function reviewReportTable(lines: readonly ReviewReportLine[]): string {
  if (lines.length === 0) return 'The review queue is empty: nothing was ever put into it.';
  return drawTable(
    [
      { head: 'type' },
      { head: 'severity' },
      { head: 'status' },
      { head: 'count', align: 'right' },
      { head: 'oldest' },
      { head: 'newest' },
    ],
    lines.map((line) => [
      line.type,
      line.severity,
      line.status,
      count(line.count),
      instant(line.oldest),
      instant(line.newest),
    ]),
  );
}
