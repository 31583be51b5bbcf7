import type { Command } from 'commander';
import type { Runner } from '../command';
import { addDaily } from './daily';
import { addReviewReport } from './review';
import { addRunReport } from './run';
import { addTrend } from './trend';

export function addReport(program: Command, runner: Runner): void {
  const report = program
    .command('report')
    .summary('reports: daily, trend, run, review')
    .description('Reports of what the ledger holds; docs/reports.md defines each number.');
  addDaily(report, runner);
  addTrend(report, runner);
  addRunReport(report, runner);
  addReviewReport(report, runner);
}
