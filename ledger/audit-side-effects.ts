import type { AuditProblem } from '../contracts/audit';
import type { SideEffect } from '../contracts/side-effect';
import type { Queryable } from '../database/connection';
import type { AuditedRun } from './audited-run';
import { listSideEffects, readTargetSideEffects } from './side-effect';

/** A target as it is read, by its connection's name. */
export interface AuditedTarget {
  readonly connection: string;
  readonly schema: string;
  readonly session: Queryable;
}

/** Holds what the ledger says was changed beside the plan against what the targets have counted. */
export async function* auditSideEffects(
  ledger: Queryable,
  { runId, ended }: AuditedRun,
  targets: readonly AuditedTarget[],
): AsyncGenerator<AuditProblem> {
  const entered = await listSideEffects(ledger, runId);
  for (const { connection, schema, session } of targets) {
    const inLedger = byTable(entered.filter((effect) => effect.connection === connection));
    const inTarget = byTable(await readTargetSideEffects(session, schema, runId));
    for (const id of new Set([...inLedger.keys(), ...inTarget.keys()])) {
      const [found, expected] = [inLedger.get(id), inTarget.get(id)];
      if (worded(found) === worded(expected)) continue;
      // What a run that is under way has just changed is entered next.
      if (!ended && expected && isWithin(found, expected)) continue;
      const { schema: of, table } = found ?? expected ?? { schema: '', table: '' };
      yield {
        type: 'side_effects_differ',
        what: `${of}.${table} on ${connection}`,
        seq: null,
        found: `${worded(found)} in the ledger`,
        expected: `${worded(expected)}, as the target has counted`,
      };
    }
  }
}

function byTable(effects: readonly SideEffect[]): ReadonlyMap<string, SideEffect> {
  return new Map(effects.map((effect) => [JSON.stringify([effect.schema, effect.table]), effect]));
}

function worded(effect: SideEffect | undefined): string {
  if (!effect) return 'nothing';
  const { inserted, updated, deleted, truncated } = effect;
  return `${inserted} inserted, ${updated} updated, ${deleted} deleted${truncated ? ', truncated or altered' : ''}`;
}

function isWithin(found: SideEffect | undefined, { inserted, updated, deleted, truncated }: SideEffect): boolean {
  if (!found) return true;
  const isNoMore = found.inserted <= inserted && found.updated <= updated && found.deleted <= deleted;
  return isNoMore && (truncated || !found.truncated);
}
