import { Batch } from '../engine/batch';
import { keyValues } from '../engine/key';
import { agreeNow } from '../engine/settle';
import { healReviews, nextUnseenReviews, type UnseenReview } from '../ledger/review-queue';
import type { Resources } from './resources';

/**
 * Closes the entries of the review queue that a run did not find again, once their rows were read again and agree, or
 * are gone on both sides. They are read without the table's filter: a row that has left it is no longer compared, which
 * does not make it equal.
 */
export async function closeHealed(resources: Resources, runId: string, signal: AbortSignal): Promise<void> {
  const ledger = await resources.ledger();
  const batch = new Batch();
  for (let after = '0'; ;) {
    const unseen = await nextUnseenReviews(ledger, runId, after, batch.rows);
    const last = unseen.at(-1);
    if (!last) return;
    batch.saw(unseen.length, unseen.length);
    const healed: UnseenReview[] = [];
    for (const table of new Set(unseen.map((entry) => entry.table))) {
      const entries = unseen.filter((entry) => entry.table === table);
      healed.push(...(await agreeing(resources, runId, table, entries, signal)));
    }
    await healReviews(ledger, runId, healed);
    after = last.id;
  }
}

async function agreeing(
  resources: Resources,
  runId: string,
  table: string,
  entries: readonly UnseenReview[],
  signal: AbortSignal,
): Promise<readonly UnseenReview[]> {
  const found = await resources.comparison(runId, table);
  const comparison = { ...found, pair: { ...found.pair, where: null } };
  // Rows that no key names cannot be read again; what was counted stands for them, where nothing was filtered.
  const counted = entries.filter(({ keyed }) => !keyed && found.pair.where === null);
  const keyed = entries.filter((entry) => entry.keyed);
  const keys = keyed.map(({ key }) => keyValues(comparison, key));
  const agree = await agreeNow(comparison, resources.sides(comparison), keys, signal);
  return [...counted, ...keyed.filter((_, i) => agree[i] === true)];
}
