import type { RunReport, RunStatus } from '../../contracts/run';
import { plural } from './text';

function becauseOf(status: RunStatus, report: RunReport): string | null {
  switch (status) {
    case 'inconsistent':
      return report.plan.length > 0
        ? 'This was a dry run: nothing was changed. `trueup run --apply` corrects what the plan holds.'
        : 'Nothing was changed: no finding is to be corrected by the policy of its table.';
    case 'rejected':
      return 'The plan was rejected: what needed approval was not changed.';
    case 'expired':
      return 'Nobody decided before the deadline: what needed approval was not changed, and its findings stay OPEN.';
    case 'incomplete':
      return 'The comparison is incomplete: what was not read is not known to match, and no deletes were planned for it.';
    case 'running':
    case 'consistent':
    case 'awaiting_approval':
    case 'applied':
    case 'failed':
    case 'cancelled':
      return null;
  }
}

/** Rows that others wrote after us: nothing of what was done about them can be relied on. */
function differingLines(verified: RunReport['verified'], done: string): readonly string[] {
  if (verified === null || verified.differing === 0) return [];
  return [`${plural(verified.differing, 'row')} differ again: somebody wrote them after they were ${done}; run again.`];
}

/** What an undo that has ended did not give back, how to see it, and what may be done. */
function notGivenBackLines({ runId, status, undo, corrections, verified, remaining }: RunReport): readonly string[] {
  const lines: string[] = [];
  if (status === 'rejected') lines.push('The plan was rejected: nothing was given back.');
  if (status === 'expired') lines.push('Nobody decided before the deadline: nothing was given back.');
  const { FAILED: failed = 0, SKIPPED_STALE: stale = 0 } = corrections;
  if (failed > 0) lines.push(`${plural(failed, 'row')} FAILED: the database refused it.`);
  if (stale > 0) {
    lines.push(`${plural(stale, 'row')} SKIPPED_STALE: changed since the correction, and left alone.`);
    lines.push(`  Overwrite them, too: trueup undo ${undo?.runId ?? 'RUN'} --force`);
  }
  lines.push(...differingLines(verified, 'given back'));
  if (remaining > 0 && status !== 'running') {
    // Those that differ again were given back once: their corrections are SUCCESS.
    const which = (verified?.differing ?? 0) > 0 ? '' : ' --status SKIPPED_STALE FAILED';
    lines.push(`Not given back: ${plural(remaining, 'row')}. See why: trueup corrections ${runId}${which}`);
  }
  return lines;
}

/** What a run that has ended leaves different, and why. */
export function leftLines(report: RunReport): readonly string[] {
  if (report.kind === 'undo') return notGivenBackLines(report);
  const lines: string[] = [];
  const because = becauseOf(report.status, report);
  if (because !== null) lines.push(because);
  if (report.leftOut > 0) {
    lines.push(
      `${plural(report.leftOut, 'correction')} left out of the approval: not made, and the findings stay OPEN.`,
    );
  }
  const { FAILED: failed = 0, SKIPPED_STALE: stale = 0 } = report.corrections;
  if (failed > 0) lines.push(`${plural(failed, 'correction')} FAILED: the database refused it.`);
  if (stale > 0) {
    lines.push(`${plural(stale, 'correction')} SKIPPED_STALE: the row had changed since it was compared; run again.`);
  }
  lines.push(...differingLines(report.verified, 'corrected'));
  if (report.review) lines.push(...reviewLines(report.review));
  if (report.inReview !== undefined && report.inReview > 0) {
    lines.push(`${plural(report.inReview, 'difference')} in the review queue: \`trueup review list\`.`);
  }
  if (report.kept !== undefined && report.kept > 0) {
    lines.push(`${plural(report.kept, 'difference')} known: a reviewer decided to keep the target as it is.`);
  }
  for (const table of report.tables) {
    if (table.unsettled > 0) {
      lines.push(`${table.name}: ${plural(table.unsettled, 'row')} did not settle, still changing; run again later.`);
    }
    for (const note of table.notes) lines.push(`${table.name}: ${note}`);
  }
  if (report.remaining > 0 && report.status !== 'running') {
    const where = report.kind === 'review' ? 'trueup review list' : `trueup findings ${report.runId}`;
    lines.push(`Left: ${plural(report.remaining, 'difference')}. See them with \`${where}\`.`);
  }
  return lines;
}

/** What a review's run was to do, and what of it is done. */
function reviewLines(review: NonNullable<RunReport['review']>): readonly string[] {
  const { resolution, reviewer, reviews, closed, leftOut } = review;
  const open = reviews - closed;
  return [
    `${resolution} by ${reviewer}: ${plural(reviews, 'entry', 'entries')}, ${closed} resolved.`,
    ...(open > 0 ? [`${plural(open, 'entry', 'entries')} still open: \`trueup review show ID\` says why.`] : []),
    ...(leftOut > 0
      ? [`${plural(leftOut, 'entry', 'entries')} of the filter left out: they cannot be resolved so.`]
      : []),
  ];
}
