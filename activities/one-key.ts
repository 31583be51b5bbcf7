import { keyValues } from '../engine/key';
import { isSpelled } from '../engine/look-up';
import { keysThatAreOne } from '../engine/one-key';
import { countMissing, holdMissing, nextMissing } from '../ledger/twin';
import type { TableStep } from './compare';
import type { Resources } from './resources';

const PAGE = 2_000;

/** Finds the missing rows that are one key in the target, and plans none of them. To be called once candidates are closed. */
export async function holdOneKey(resources: Resources, step: TableStep): Promise<void> {
  const { runId, table } = step;
  const comparison = await resources.comparison(runId, table);
  if (comparison.key.length === 0) return;
  const { target } = resources.sides(comparison);
  if (!isSpelled(target)) return;
  const ledger = await resources.ledger();
  const pages = async function* () {
    for (let after = ''; ;) {
      const page = await nextMissing(ledger, step, after, PAGE);
      yield page.map(({ id, key }) => ({ id, key: keyValues(comparison, key) }));
      const last = page.at(-1);
      if (!last || page.length < PAGE) return;
      after = last.id;
    }
  };
  const ids = await keysThatAreOne(comparison, target, pages, await countMissing(ledger, runId, table));
  await holdMissing(ledger, runId, table, ids);
}
