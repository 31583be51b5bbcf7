import type { PlanItem } from '../contracts/plan-item';
import type { CorrectionOutcome } from './apply-context';
import { rowAfter, rowBefore } from './joined';
import { applyJoined } from './joint-apply';
import type { JointContext } from './joint-transaction';
import { SHORT_LOCK_TIMEOUT } from './refusal';

const MOST_COMPANIES = 100;
/** Corrections that are tried in one transaction without a tie that is known. */
const MOST_MEMBERS = 100;

/**
 * Groups of corrections that may want each other, though no reference or unique value ties them: a trigger may ask for a
 * debit with its credit. Each group shares a value in columns of one name; the smallest come first.
 */
export function companiesOf(items: readonly PlanItem[]): readonly (readonly PlanItem[])[] {
  const sharing = new Map<string, Set<PlanItem>>();
  for (const item of items) {
    for (const [column, value] of [rowBefore(item), rowAfter(item)].flatMap((row) => Object.entries(row ?? {}))) {
      if (value === null) continue;
      const id = JSON.stringify([column, value]);
      const members = sharing.get(id);
      if (members) members.add(item);
      else sharing.set(id, new Set([item]));
    }
  }
  const companies = new Map<string, readonly PlanItem[]>();
  for (const members of sharing.values()) {
    if (members.size < 2 || members.size > MOST_MEMBERS) continue;
    companies.set([...members].map(({ seq }) => seq).join(), [...members]);
  }
  return [...companies.values()].sort((a, b) => a.length - b.length).slice(0, MOST_COMPANIES);
}

/**
 * Tries corrections that all failed by themselves, or in the company that ties give them, in other company: those that
 * share a value, and then all of them but some. Returns an outcome for each that is settled, and none for the others.
 */
export async function applyInCompany(
  context: JointContext,
  items: readonly PlanItem[],
  signal: AbortSignal,
): Promise<readonly CorrectionOutcome[]> {
  const settled = new Map<string, CorrectionOutcome>();
  const attempt = async (company: readonly PlanItem[], search: boolean) => {
    signal.throwIfAborted();
    const open = company.filter(({ seq }) => !settled.has(seq));
    if (open.length < 2) return;
    const outcomes = await applyJoined(context, open, { search, lockTimeout: SHORT_LOCK_TIMEOUT });
    for (const outcome of outcomes.filter(({ mayPass }) => !mayPass)) settled.set(outcome.seq, outcome);
  };
  for (const company of companiesOf(items)) await attempt(company, false);
  if (settled.size === 0 && items.length <= MOST_MEMBERS) await attempt(items, true);
  return [...settled.values()];
}
