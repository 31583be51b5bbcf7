import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TrueupError } from '../../../contracts/errors';
import type { ReportChart, ReportDocument, ReportSection } from './document';

const STYLE = `
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
  body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.5rem; } dt { opacity: .7; } dd { margin: 0; }
  .wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
  th, td { padding: .25rem .6rem; text-align: left; border-bottom: 1px solid #8884; } th { opacity: .7; font-weight: 600; }
  .right { text-align: right; font-variant-numeric: tabular-nums; } .chart { height: 20rem; margin: 1rem 0; }
  .note { opacity: .7; }`;

/** Nothing is loaded from anywhere, whatever a table is called. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

const DRAW = `
  const charts = JSON.parse(document.getElementById('charts').textContent);
  const isDark = matchMedia('(prefers-color-scheme: dark)').matches;
  Chart.defaults.color = isDark ? '#ccc' : '#444';
  Chart.defaults.borderColor = isDark ? '#fff2' : '#0002';
  const colors = ['#3b76b8', '#d9822b', '#c23b3b', '#4d9a5b', '#8a63b5', '#7a6a5c', '#cc6fa8', '#6b7280', '#a8a033', '#3aa6a6'];
  charts.forEach(({ labels, series }, i) => new Chart(document.getElementById('chart-' + i), {
    type: 'bar',
    data: { labels, datasets: series.map(({ name, values }, n) => (
      { label: name, data: values, backgroundColor: colors[n % colors.length], maxBarThickness: 48 })) },
    options: {
      animation: false, maintainAspectRatio: false,
      plugins: { legend: { position: 'bottom' } },
      scales: { x: { stacked: true }, y: { stacked: true, beginAtZero: true, ticks: { precision: 0 } } },
    },
  }));
  document.documentElement.dataset.drawn = charts.length;`;

/** A report as a page that needs nothing beside itself; what its charts show stands in its tables too. */
export function reportHtml({ title, facts, sections }: ReportDocument): string {
  const charts: ReportChart[] = [];
  const parts = sections.map((section) => {
    const number = section.chart && section.rows.length > 0 ? charts.push(section.chart) - 1 : null;
    return sectionHtml(section, number);
  });
  return [
    '<!doctype html>',
    '<html lang="en">',
    `<head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escaped(title)}</title><style>${STYLE}</style></head>`,
    `<body><h1>${escaped(title)}</h1>`,
    `<dl>${facts.map(([label, value]) => `<dt>${escaped(label)}</dt><dd>${escaped(value)}</dd>`).join('\n')}</dl>`,
    ...parts,
    ...(charts.length === 0 ? [] : scripts(charts)),
    '</body></html>\n',
  ].join('\n');
}

function sectionHtml({ heading, columns, rows, empty, note }: ReportSection, chart: number | null): string {
  const cell = (tag: 'th' | 'td', text: string, i: number) =>
    `<${tag}${columns[i]?.align === 'right' ? ' class="right"' : ''}>${escaped(text)}</${tag}>`;
  const line = (tag: 'th' | 'td', cells: readonly string[]) =>
    `<tr>${cells.map((text, i) => cell(tag, text, i)).join('')}</tr>`;
  const table = [
    '<div class="wide"><table><thead>',
    line(
      'th',
      columns.map(({ head }) => head),
    ),
    '</thead><tbody>',
    ...rows.map((row) => line('td', row)),
    '</tbody></table></div>',
  ];
  return [
    `<section><h2>${escaped(heading)}</h2>`,
    ...(chart === null
      ? []
      : [`<div class="chart"><canvas id="chart-${chart}" role="img" aria-label="${escaped(heading)}"></canvas></div>`]),
    ...(rows.length === 0 ? [`<p>${escaped(empty)}</p>`] : table),
    ...(note === undefined ? [] : [`<p class="note">${escaped(note)}</p>`]),
    '</section>',
  ].join('\n');
}

function scripts(charts: readonly ReportChart[]): readonly string[] {
  // No `<` in it: it cannot end the element that it stands in.
  const data = JSON.stringify(charts).replaceAll('<', '\\u003c');
  return [
    `<script type="application/json" id="charts">${data}</script>`,
    `<script>${chartLibrary()}</script>`,
    `<script>${DRAW}</script>`,
  ];
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ESCAPES[char] ?? char);
}

/** Chart.js, without the reference to its source map, which would be a file beside the page. */
function chartLibrary(): string {
  let script: string;
  try {
    script = readFileSync(join(dirname(require.resolve('chart.js')), 'chart.umd.min.js'), 'utf8');
  } catch {
    throw new TrueupError('INTERNAL', 'the npm package chart.js is not installed: run `npm ci`', { retryable: false });
  }
  if (/<\/script/i.test(script))
    throw new TrueupError('INTERNAL', 'chart.js cannot stand in a page', { retryable: false });
  return script.replace(/^\/\/# sourceMappingURL=.*$/m, '');
}
