import type { Comparison } from '../contracts/comparison';
import type { Database, Queryable } from '../database/connection';
import type { ApplyContext, EffectPlan, MarkerStore } from '../engine/apply-context';
import { Cascades } from '../engine/cascade';
import { besideRows } from '../engine/refusal';
import { sideOf, type Side } from '../engine/side';
import { OneCause } from '../engine/one-cause';
import type { SideEffectTerms } from '../engine/side-effects';
import { insertBeforeImages, listMarkers } from '../ledger/before-image';
import { findPlannedEffects, nextEffects } from '../ledger/effect';
import { listPairsOn, readRunConfig } from '../ledger/run';
import { addSideEffects } from '../ledger/side-effect';
import type { Resources } from './resources';

/**
 * The foreign keys of a comparison's target, by which deletes touch other rows. `session`: where the run is read, of which
 * nobody else may know yet; default: the ledger.
 */
export function cascadesIn(
  resources: Resources,
  runId: string,
  { pair }: Comparison,
  session: Queryable | null = null,
): Cascades {
  const target = resources.database(pair.target.connection, 'target');
  return new Cascades(target, async (ref) =>
    (await listPairsOn(session ?? (await resources.ledger()), runId, ref)).map(({ comparison }) => comparison),
  );
}

export function markersOf(schema: string, runId: string, side: Side, table: string): MarkerStore {
  const what = `backups in ${schema}.before_image`;
  const of = { runId, table, relation: side.relation };
  return {
    done: (session, seqs) => besideRows(what, () => listMarkers(session, schema, runId, seqs)),
    add: (session, rows) => besideRows(what, () => insertBeforeImages(session, schema, of, rows)),
  };
}

/** What corrections on a target may change beside the plan. */
async function sideEffectTerms(
  resources: Resources,
  { runId, schema }: { readonly runId: string; readonly schema: string },
  connection: string,
): Promise<SideEffectTerms> {
  const config = await readRunConfig(await resources.ledger(), runId);
  const pairs = [...(config?.tables ?? []), ...(config?.others ?? [])];
  const refs = pairs.flatMap(({ source, target }) => [source, target]);
  return {
    ofConfig: refs.filter((ref) => ref.connection === connection),
    schema,
    record: (session, effects) =>
      besideRows(`counts in ${schema}.side_effect`, () => addSideEffects(session, schema, runId, effects)),
  };
}

/** The effects of a plan, as they are carried out on the target of `cascades`. */
export function effectPlan(
  resources: Resources,
  ledger: Database,
  run: { readonly runId: string; readonly schema: string; readonly cascades: Cascades },
): EffectPlan {
  const { runId, schema, cascades } = run;
  const what = `the plan in ${schema}.plan_item`;
  return {
    next: (causes, afterSeq, limit) => besideRows(what, () => nextEffects(ledger, runId, causes, afterSeq, limit)),
    find: (table, digests) => besideRows(what, () => findPlannedEffects(ledger, runId, table, digests)),
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

/** What carries out corrections of a table, with what they would make the database do by itself. */
export async function applyContext(
  resources: Resources,
  run: { readonly runId: string; readonly schema: string; readonly cascades: Cascades },
  comparison: Comparison,
): Promise<ApplyContext> {
  const { runId, schema, cascades } = run;
  const sides = resources.sides(comparison);
  return {
    runId,
    comparison,
    sides,
    markers: markersOf(schema, runId, sides.target, comparison.pair.name),
    cascades: await cascades.of(comparison),
    keyChanges: await cascades.changesOf(comparison),
    sideEffects: await sideEffectTerms(resources, run, comparison.pair.target.connection),
    oneCause: new OneCause(),
    effects: effectPlan(resources, await resources.ledger(), run),
  };
}
