import { TrueupError } from '../contracts/errors';
import type { RowInconsistencyType } from '../contracts/finding';
import type { PlanLine } from '../contracts/run';
import type { ResolveMessage, ReviewEntry } from '../contracts/review';

/** A resolution that is not carried out. */
export function refusal(why: string): TrueupError {
  return new TrueupError('REVIEW_REFUSED', why);
}

const MOST_REASONS = 10;

/** Why entries could not be taken, one by one; `runId`: the run that was to take them. */
export function reasons(message: ResolveMessage, runId: string, entries: readonly ReviewEntry[]): string {
  const { selection } = message;
  const ids = 'ids' in selection ? selection.ids : [];
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const refused = ids.filter((id) => byId.get(id)?.resolvedBy !== runId);
  const said = refused.slice(0, MOST_REASONS).map((id) => `entry ${id}: ${reasonOf(message, byId.get(id))}`);
  const more = refused.length - said.length;
  return said.join('; ') + (more > 0 ? `; and ${more} more` : '');
}

function reasonOf({ resolution, asOf }: ResolveMessage, entry: ReviewEntry | undefined): string {
  if (!entry) return 'there is none in the review queue';
  const { status, reviewer, reviewedAt, resolvedBy, healedAt, healedBy } = entry;
  const by = `${entry.resolution ?? ''} by ${reviewer ?? ''}`;
  if (status === 'REVIEWED') return `already resolved: ${by} at ${reviewedAt ?? ''} (run ${resolvedBy ?? 'dropped'})`;
  if (status === 'HEALED') return `it healed: run ${healedBy ?? ''} no longer found it at ${healedAt ?? ''}`;
  if (resolvedBy !== null) return `being resolved: ${by} (run ${resolvedBy})`;
  if (resolution !== 'KEEP_TARGET') {
    if (!CORRECTABLE.includes(entry.type)) return `a ${entry.type} cannot be corrected; allowed: KEEP_TARGET`;
    if (entry.counts !== null) return 'no key names its row, so it cannot be corrected; allowed: KEEP_TARGET';
    if (entry.type === 'extra_in_target' && !entry.complete) {
      return 'the comparison that saw it last did not come to its end: run the table again first';
    }
  }
  if (asOf !== null) return `it has changed since ${asOf}, at ${entry.changedAt}`;
  return 'an earlier version entered it: run the table again first';
}

const CORRECTABLE: readonly string[] = [
  'missing_in_target',
  'extra_in_target',
  'field_mismatch',
] satisfies RowInconsistencyType[];

/** Why nothing of a filter was taken. */
export function noneSuits(leftOut: number): string {
  return leftOut === 0
    ? 'found no open entry that matches the filter'
    : `none of the ${leftOut} open entries that match the filter can be resolved so`;
}

/** That further rows would go with the deletes of a plan, which nobody has read; counts only, the rows are in the ledger. */
export function effectsUnread(runId: string, digest: string, lines: readonly PlanLine[]): TrueupError {
  const effects = lines.flatMap(({ table, operation, rows, effectOf }) =>
    effectOf === undefined ? [] : [`${operation} ${rows} row(s) of ${table}, which refer to rows of ${effectOf}`],
  );
  return refusal(
    `deleting would make the database ${effects.join('; ')}: \`trueup plan ${runId}\` shows them; ` +
      `to resolve it with them, give planDigest ${digest}`,
  );
}

/** That the plan is not the one that the reviewer has read. */
export function otherPlan(runId: string, given: string, digest: string): TrueupError {
  return refusal(`planDigest: found ${given}, the plan has ${digest}: \`trueup plan ${runId}\` shows it`);
}
