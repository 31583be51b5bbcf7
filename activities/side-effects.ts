import { listPlanTables } from '../ledger/plan-batch';
import { readTargetSideEffects, setSideEffects } from '../ledger/side-effect';
import { readRunConfig } from '../ledger/run';
import type { Resources } from './resources';

/**
 * Enters in the ledger what a run's corrections have changed beside the plan so far, as the targets that its plan changes
 * have it. Done again, it changes nothing.
 */
export async function enterSideEffects(resources: Resources, runId: string): Promise<void> {
  const ledger = await resources.ledger();
  const config = await readRunConfig(ledger, runId);
  if (!config) return;
  const targets = new Set<string>();
  for (const table of await listPlanTables(ledger, runId)) {
    targets.add((await resources.comparison(runId, table)).pair.target.connection);
  }
  for (const connection of targets) {
    const target = resources.database(connection, 'target');
    await setSideEffects(ledger, runId, connection, await readTargetSideEffects(target, config.ledgerSchema, runId));
  }
}
