import { createHash } from 'node:crypto';
import type { TextRow } from '../contracts/finding';
import type { PlanItem } from '../contracts/plan-item';

function canonical(row: TextRow | null): unknown {
  return row === null ? null : Object.entries(row).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/**
 * SHA-256 in hex over every item of a plan in order: what is done to which row, from which values to which. Equal
 * lists have equal digests; any other list has another one.
 */
export async function digestPlan(items: AsyncIterable<PlanItem>): Promise<string> {
  const hash = createHash('sha256');
  for await (const item of items) {
    const { seq, table, operation, needsApproval, key, before, after, source, checkSource } = item;
    const effect = item.effectOf === undefined ? [] : [item.effectOf, item.constraint ?? null];
    const fields = [seq, table, operation, needsApproval, canonical(key), canonical(before), canonical(after)];
    hash.update(JSON.stringify([...fields, canonical(source), checkSource, ...effect]));
    hash.update('\n');
  }
  return hash.digest('hex');
}
