import { countUnrestored } from '../engine/undo';
import { nextVerifiableItems } from '../ledger/plan';
import type { TableStep } from './compare';
import type { Verified } from './correct';
import type { Resources } from './resources';
import type { StepContext } from './step';

const PAGE = 500;

/** Reads every row of a table that the plan wrote or deleted again: does it hold what the plan says? */
export async function verifyWritten(resources: Resources, input: TableStep, context: StepContext): Promise<Verified> {
  const { runId, table } = input;
  const ledger = await resources.ledger();
  const comparison = await resources.comparison(runId, table);
  const { target } = resources.sides(comparison);
  let [checked, differing, after] = [0, 0, '0'];
  for (;;) {
    const items = await nextVerifiableItems(ledger, runId, table, after, PAGE);
    const last = items.at(-1);
    if (!last) return { checked, differing };
    differing += await target.database.withSession(
      (session) => countUnrestored(session, comparison, target, items),
      context.signal,
    );
    checked += items.length;
    after = last.seq;
    context.report({ checked, differing });
  }
}
