import { drawTable } from '../table';
import { printable } from '../text';
import type { ReportDocument, ReportSection } from './document';

/** A report for a terminal. */
export function reportText({ title, facts, sections }: ReportDocument): string {
  const wide = Math.max(0, ...facts.map(([label]) => label.length));
  const lines = facts.map(([label, value]) => `${label.padEnd(wide)}  ${printable(value)}`);
  return [printable(title), lines.join('\n'), ...sections.map(sectionText)].join('\n\n');
}

function sectionText({ heading, columns, rows, empty, note }: ReportSection): string {
  if (rows.length === 0) return empty;
  const table = drawTable(
    columns,
    rows.map((row) => row.map(printable)),
  );
  return [heading, table, ...(note === undefined ? [] : [note])].join('\n');
}
