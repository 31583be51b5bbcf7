import Table from 'cli-table3';

const NONE = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
};

/** A Markdown table that a terminal shows as a table too. The first column is text, the others are numbers. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const align = (i: number) => (i === 0 ? ('left' as const) : ('right' as const));
  const widths = head.map((name, i) => Math.max(3, ...[name, ...rows.map((row) => row[i] ?? '')].map((c) => c.length)));
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  const table = new Table({
    chars: { ...NONE, left: '|', right: '|', middle: '|' },
    colAligns: head.map((_, i) => align(i)),
    style: { head: [], border: [] },
  });
  table.push([...head], rule, ...rows.map((row) => [...row]));
  return table.toString();
}
