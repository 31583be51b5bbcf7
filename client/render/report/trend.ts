import type { TrendReport } from '../../../contracts/report';
import { count, plural } from '../text';
import type { ReportDocument } from './document';
import { autoCorrectionText, NONE } from './tally';

export function trendDocument({ from, to, days, trend }: TrendReport): ReportDocument {
  const counted = days.filter(({ findings }) => findings !== null);
  return {
    title: `Trueup from ${from} to ${to} (UTC)`,
    facts: [
      ['Trend', trend.verdict ?? `${NONE}: ${trend.reason ?? ''}`],
      ...(trend.date === null
        ? []
        : [
            [
              'Judged by',
              `${plural(trend.findings ?? 0, 'finding')} on ${trend.date}, ${decimal(trend.mean)} a day before` +
                (trend.ratio === null ? '' : ` (× ${decimal(trend.ratio)})`),
            ] as const,
          ]),
      ['Days with data', `${count(counted.length)} of ${count(days.length)}`],
    ],
    sections: [
      {
        heading: 'Days',
        columns: [
          { head: 'day' },
          ...['runs', 'findings', 'corrections', 'auto-correction rate'].map((head) => ({
            head,
            align: 'right' as const,
          })),
        ],
        rows: days.map((day) => [
          day.isOver ? day.date : `${day.date}, so far`,
          count(day.runs),
          day.findings === null ? NONE : count(day.findings),
          count(day.corrections),
          autoCorrectionText(day.autoCorrection),
        ]),
        empty: 'No days.',
        ...noteOf(days),
        ...(counted.length === 0
          ? {}
          : {
              chart: {
                labels: days.map(({ date }) => date),
                series: [{ name: 'findings', values: days.map(({ findings }) => findings) }],
              },
            }),
      },
    ],
  };
}

function noteOf(days: TrendReport['days']): { readonly note?: string } {
  const purged = days.reduce((sum, day) => sum + day.purgedRuns, 0);
  const notes = [
    ...(days.some(({ findings }) => findings === null)
      ? [`${NONE}: no data, as no run looked at anything to its end; that is not 0.`]
      : []),
    ...(purged === 0 ? [] : [`The findings of ${plural(purged, 'run')} were purged: their days have no data.`]),
  ];
  return notes.length === 0 ? {} : { note: notes.join(' ') };
}

function decimal(n: number | null): string {
  return n === null ? NONE : String(Math.round(n * 100) / 100);
}
