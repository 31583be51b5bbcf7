import type { Comparison } from '../contracts/comparison';
import { compareChunk, type Sides } from '../engine/compare-chunk';
import { closeRecount, listOpenCountedChunks, recordCounts } from '../ledger/recount';
import type { SettleStep } from './settle';
import type { Resources } from './resources';
import type { StepContext } from './step';

/**
 * Settles the rows that no key names: they cannot be read again one by one, so all of their chunk is counted again, in
 * one more scan of each side, however many of them differ.
 */
export async function recount(
  resources: Resources,
  comparison: Comparison,
  sides: Sides,
  { runId, table, attempt }: SettleStep,
  context: StepContext,
): Promise<void> {
  const ledger = await resources.ledger();
  for (const chunk of await listOpenCountedChunks(ledger, runId, table)) {
    await resources.comparing(comparison, context.signal, () =>
      compareChunk(
        comparison,
        sides,
        chunk,
        (differences) => recordCounts(ledger, runId, table, attempt, differences),
        context.signal,
      ),
    );
    await closeRecount(ledger, runId, table, chunk.no, attempt);
    context.report({ recounted: chunk.no });
  }
}
