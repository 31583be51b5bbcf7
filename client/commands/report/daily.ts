import type { Command } from 'commander';
import type { ExitCode } from '../../../contracts/exit-code';
import type { DailyReport } from '../../../contracts/report';
import { readDailyReport } from '../../../ledger/daily';
import { dailyDocument } from '../../render/report/daily';
import type { Runner } from '../command';
import type { Context } from '../context';
import { orIfEmpty } from '../lookup';
import { day, needPast, readToday } from './dates';
import { addPrintOptions, printReport, type PrintOptions } from './print';

const HELP = `
A run belongs to the day, in UTC, on which it began, with all that it found and corrected. docs/reports.md defines each number.

Examples:
  trueup report daily
  trueup report daily --date 2026-03-01 --html report.html`;

export function addDaily(report: Command, runner: Runner): void {
  addPrintOptions(report.command('daily'))
    .summary('what the runs of a day found and corrected')
    .description('What the runs of a day found and corrected.')
    .option('--date <day>', 'the day, YYYY-MM-DD in UTC (default: today)', day)
    .addHelpText('after', HELP)
    .action(runner.action((context, options: DailyOptions) => daily(context, options)));
}

interface DailyOptions extends PrintOptions {
  readonly date?: string;
}

async function daily({ io, ledger }: Context, options: DailyOptions): Promise<ExitCode> {
  const today = await readToday(ledger);
  const { date = today } = options;
  needPast(date, today);
  const report = await orIfEmpty(readDailyReport(ledger, date, today), emptyReport(date, today));
  return printReport(io, options, report, dailyDocument(report));
}

function emptyReport(date: string, today: string): DailyReport {
  return {
    date,
    timeZone: 'UTC',
    isOver: date < today,
    runs: { total: 0, byStatus: {} },
    findings: { total: 0, byTable: {}, byType: {}, bySeverity: {}, lines: [] },
    tablesAffected: 0,
    corrections: { byStatus: {}, automatic: 0, lines: [] },
    autoCorrection: { rowFindings: 0, corrected: 0, rate: null },
    jobs: [],
    jobsLeftOut: 0,
    purgedRuns: 0,
  };
}
