import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../../../contracts/exit-code';
import { reportReviews } from '../../../ledger/review';
import { reviewReportTable } from '../../render/review-report';
import type { Runner } from '../command';
import type { Context } from '../context';
import { orIfEmpty } from '../lookup';

export function addReviewReport(report: Command, runner: Runner): void {
  report
    .command('review')
    .summary('the review queue by type, severity and status')
    .description('The review queue by type, severity and status: how many entries, the oldest and the newest.')
    .option('--json', 'print one JSON array')
    .action(runner.action((context, options: { readonly json?: true }) => reviewReport(context, options)));
}

async function reviewReport({ io, ledger }: Context, { json }: { readonly json?: true }): Promise<ExitCode> {
  const lines = await orIfEmpty(reportReviews(ledger), []);
  io.out.line(json ? JSON.stringify(lines) : reviewReportTable(lines));
  return EXIT.ok;
}
