import { readTargetSideEffects, setSideEffects } from '../ledger/side-effect';
import { readRunConfig } from '../ledger/run';
import type { Resources } from './resources';
import { targetsOf } from './undo';

/**
 * Enters in the ledger what a run's corrections have changed beside the plan so far, as its targets have it. Done again, it
 * changes nothing.
 */
export async function enterSideEffects(resources: Resources, runId: string): Promise<void> {
  const ledger = await resources.ledger();
  const config = await readRunConfig(ledger, runId);
  if (!config) return;
  for (const connection of targetsOf(config)) {
    const target = resources.database(connection, 'target');
    await setSideEffects(ledger, runId, connection, await readTargetSideEffects(target, config.ledgerSchema, runId));
  }
}
