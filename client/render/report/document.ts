/** A report as what it is made of: shown as text on a terminal, or as a page. */
export interface ReportDocument {
  readonly title: string;
  /** What it comes to, in a line each. */
  readonly facts: readonly (readonly [label: string, value: string])[];
  readonly sections: readonly ReportSection[];
}

export interface ReportSection {
  readonly heading: string;
  readonly columns: readonly ReportColumn[];
  readonly rows: readonly (readonly string[])[];
  /** What stands there when there are no rows. */
  readonly empty: string;
  /** What has to be known of the table, in a sentence; shown below it. */
  readonly note?: string;
  readonly chart?: ReportChart;
}

export interface ReportColumn {
  readonly head: string;
  readonly align?: 'left' | 'right';
}

/** Bars, stacked where there are several series. */
export interface ReportChart {
  readonly labels: readonly string[];
  readonly series: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
}

/** Bars of a chart: more could not be told apart. */
const MOST_BARS = 30;

/** A chart of the labels that have most, with one series for each name. */
export function stackedBars(lines: readonly { readonly label: string; readonly name: string; readonly n: number }[]): {
  readonly chart?: ReportChart;
} {
  const totals = new Map<string, number>();
  for (const { label, n } of lines) totals.set(label, (totals.get(label) ?? 0) + n);
  const labels = [...totals.entries()]
    .filter(([, n]) => n > 0)
    .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
    .slice(0, MOST_BARS)
    .map(([label]) => label);
  if (labels.length === 0) return {};
  const values = (name: string) =>
    labels.map((label) =>
      lines.reduce((sum, line) => sum + (line.label === label && line.name === name ? line.n : 0), 0),
    );
  const names = [...new Set(lines.map(({ name }) => name))].sort();
  return { chart: { labels, series: names.map((name) => ({ name, values: values(name) })) } };
}
