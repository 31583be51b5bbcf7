import { findUnrestored } from '../engine/undo';
import { nextVerifiableItems } from '../ledger/plan';
import { noteVerified } from '../ledger/verification';
import type { TableStep } from './compare';
import type { Verified } from './verify';
import type { Resources } from './resources';
import type { StepContext } from './step';

const PAGE = 500;

/** Reads every row of a table that the plan wrote or deleted again: does it hold what the plan says? What does not is noted in the ledger. */
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
    const details = await target.database.withTransaction(
      'repeatable read, read only',
      (session) => findUnrestored(session, comparison, target, items),
      context.signal,
    );
    const contradicted = items.flatMap(({ seq }, i) => {
      const detail = details[i] ?? null;
      return detail === null ? [] : [{ seq, detail }];
    });
    await noteVerified(ledger, runId, table, { from: items[0]?.seq ?? last.seq, to: last.seq, contradicted });
    differing += contradicted.length;
    checked += items.length;
    after = last.seq;
    context.report({ checked, differing });
  }
}
