import type { Comparison } from '../contracts/comparison';
import type { Database } from '../database/connection';
import type { EffectPlan, MarkerStore } from '../engine/apply-context';
import { Cascades } from '../engine/cascade';
import { sideOf, type Side } from '../engine/side';
import { insertBeforeImages, listMarkers } from '../ledger/before-image';
import { findPlannedEffects, nextEffects } from '../ledger/effect';
import { listPairsOn } from '../ledger/run';
import type { Resources } from './resources';

/** The foreign keys of a comparison's target, by which deletes touch other rows. */
export function cascadesIn(resources: Resources, runId: string, { pair }: Comparison): Cascades {
  const target = resources.database(pair.target.connection, 'target');
  return new Cascades(target, async (ref) =>
    (await listPairsOn(await resources.ledger(), runId, ref)).map(({ comparison }) => comparison),
  );
}

export function markersOf(schema: string, runId: string, side: Side, table: string): MarkerStore {
  return {
    done: (session, seqs) => listMarkers(session, schema, runId, seqs),
    add: (session, rows) => insertBeforeImages(session, schema, { runId, table, relation: side.relation }, rows),
  };
}

/** The effects of a plan, as they are carried out on the target of `cascades`. */
export function effectPlan(
  resources: Resources,
  ledger: Database,
  run: { readonly runId: string; readonly schema: string; readonly cascades: Cascades },
): EffectPlan {
  const { runId, schema, cascades } = run;
  return {
    next: (causes, afterSeq, limit) => nextEffects(ledger, runId, causes, afterSeq, limit),
    find: (table, digests) => findPlannedEffects(ledger, runId, table, digests),
    table: async (name) => {
      const comparison = await resources.comparison(runId, name);
      const side = sideOf(comparison, 'target', cascades.target);
      return {
        comparison,
        side,
        markers: markersOf(schema, runId, side, name),
        cascades: await cascades.of(comparison),
      };
    },
  };
}
