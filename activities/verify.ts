import { setTimeout as sleep } from 'node:timers/promises';
import type { Comparison } from '../contracts/comparison';
import type { Difference } from '../contracts/difference';
import { named } from '../contracts/named';
import { keyValues } from '../engine/key';
import { findDiffering } from '../engine/settle';
import { nextCorrectedKeys } from '../ledger/correction';
import { countContradicted, nextContradicted, noteVerified } from '../ledger/verification';
import type { TableStep } from './compare';
import type { Resources } from './resources';
import type { StepContext } from './step';
import { verifyWritten } from './verify-written';

const KEYS_AT_ONCE = 1_000;
const MOST_COLUMNS = 5;

export interface Verified {
  readonly checked: number;
  readonly differing: number;
}

/**
 * Compares every corrected key of a table again, and notes in the ledger which of them differ. One that does is read again
 * after the settling delay, as often as a candidate is: a row in flight is no difference. A table that only the plan touched
 * holds what the plan says.
 */
export async function verifyTable(resources: Resources, input: TableStep, context: StepContext): Promise<Verified> {
  const { runId, table } = input;
  const ledger = await resources.ledger();
  const comparison = await resources.comparison(runId, table);
  if (comparison.targetOnly) return verifyWritten(resources, input, context);
  const note = async (corrected: readonly Corrected[]) => {
    const keys = corrected.map(({ key }) => keyValues(comparison, key));
    const differences = await findDiffering(comparison, resources.sides(comparison), keys, context.signal);
    await noteVerified(ledger, runId, table, pageOf(corrected, differences));
  };
  let [checked, after] = [0, '0'];
  for (;;) {
    const corrected = await nextCorrectedKeys(ledger, runId, table, after, KEYS_AT_ONCE);
    const last = corrected.at(-1);
    if (!last) break;
    await note(corrected);
    checked += corrected.length;
    after = last.seq;
    context.report({ checked });
  }
  let differing = await countContradicted(ledger, runId, table);
  for (let readings = settling(comparison).attempts; readings > 0 && differing > 0; readings -= 1) {
    await sleep(settling(comparison).delayMs, undefined, { signal: context.signal });
    for (let from = '0'; ;) {
      const corrected = await nextContradicted(ledger, runId, table, from, KEYS_AT_ONCE);
      const last = corrected.at(-1);
      if (!last) break;
      await note(corrected);
      from = last.seq;
      context.report({ checked, differing });
    }
    differing = await countContradicted(ledger, runId, table);
  }
  return { checked, differing };
}

type Corrected = Awaited<ReturnType<typeof nextCorrectedKeys>>[number];

const settling = ({ pair }: Comparison) => pair.settle;

function pageOf(corrected: readonly Corrected[], differences: readonly (Difference | null)[]) {
  const contradicted = corrected.flatMap(({ seq }, i) => {
    const difference = differences[i] ?? null;
    return difference === null ? [] : [{ seq, detail: detailOf(difference) }];
  });
  return { from: corrected[0]?.seq ?? '0', to: corrected.at(-1)?.seq ?? '0', contradicted };
}

function detailOf({ type, differences }: Difference): string {
  switch (type) {
    case 'missing_in_target':
      return 'read after its correction, the target does not have the row';
    case 'extra_in_target':
      return 'read after its correction, the target has the row and the source does not';
    case 'field_mismatch': {
      const names = differences.map(({ name }) => name);
      return `read after its correction, the row differs in ${named(names, MOST_COLUMNS)}`;
    }
  }
}
