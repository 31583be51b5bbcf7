import type { Command } from 'commander';
import type { ExitCode } from '../../../contracts/exit-code';
import type { TrendReport } from '../../../contracts/report';
import { judgeTrend } from '../../../contracts/trend';
import { readTrend } from '../../../ledger/trend';
import { trendDocument } from '../../render/report/trend';
import type { Runner } from '../command';
import type { Context } from '../context';
import { orIfEmpty } from '../lookup';
import { day, daysBefore, daysOfTrend, needPast, readToday } from './dates';
import { addPrintOptions, printReport, type PrintOptions } from './print';

const HELP = `
The last day that is over is held against the mean of the days before it: more than 1.2 times as many findings is increasing,
less than 0.8 times decreasing, all else stable. A day without data is left out, and is not 0. docs/reports.md has the rest.

Examples:
  trueup report trend
  trueup report trend --days 30 --date 2026-03-31 --json`;

export function addTrend(report: Command, runner: Runner): void {
  addPrintOptions(report.command('trend'))
    .summary('whether findings become more or fewer')
    .description('How many findings the runs of each day had, and whether they become more or fewer.')
    .option('--days <n>', 'how many days, with the last one', daysOfTrend, 7)
    .option('--date <day>', 'the last day, YYYY-MM-DD in UTC (default: today)', day)
    .addHelpText('after', HELP)
    .action(runner.action((context, options: TrendOptions) => trend(context, options)));
}

interface TrendOptions extends PrintOptions {
  readonly days: number;
  readonly date?: string;
}

async function trend({ io, ledger }: Context, options: TrendOptions): Promise<ExitCode> {
  const today = await readToday(ledger);
  const { date: to = today } = options;
  needPast(to, today);
  const from = daysBefore(to, options.days - 1);
  const report = await orIfEmpty(readTrend(ledger, from, to, today), emptyTrend(to, options.days, today));
  return printReport(io, options, report, trendDocument(report));
}

function emptyTrend(to: string, n: number, today: string): TrendReport {
  const days = Array.from({ length: n }, (_, i) => daysBefore(to, n - 1 - i)).map((date) => ({
    date,
    isOver: date < today,
    runs: 0,
    findings: null,
    corrections: 0,
    autoCorrection: { rowFindings: 0, corrected: 0, rate: null },
    purgedRuns: 0,
  }));
  return { from: daysBefore(to, n - 1), to, timeZone: 'UTC', days, trend: judgeTrend(days) };
}
