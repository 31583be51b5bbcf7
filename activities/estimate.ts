import type { FindingCounts } from '../contracts/run';
import type { SampleEstimate } from '../contracts/sample';
import type { Queryable } from '../database/connection';
import { estimate } from '../engine/estimate';
import { countKeys } from '../ledger/chunk';
import { enterEstimate, readSample } from '../ledger/sample';

/**
 * What the sample of a table says of all its rows, once it was compared to its end. A row that did not settle counts as one
 * that differs.
 */
export async function estimateTable(
  ledger: Queryable,
  runId: string,
  table: string,
  findings: FindingCounts,
  unsettled: number,
): Promise<SampleEstimate | null> {
  const drawn = await readSample(ledger, runId, table);
  if (!drawn) return null;
  const { missing_in_target: missing = 0, extra_in_target: extra = 0, field_mismatch: mismatched = 0 } = findings;
  const sampled = await countKeys(ledger, runId, table);
  const { wanted, rowsSource, rowsTarget } = drawn;
  const whole = sampled < wanted || (rowsSource <= sampled - extra && rowsTarget <= sampled - missing);
  const errors = missing + extra + mismatched + unsettled;
  const found = estimate({ ...drawn, sampled, missing, extra, errors, whole });
  await enterEstimate(ledger, runId, table, found);
  return found;
}
