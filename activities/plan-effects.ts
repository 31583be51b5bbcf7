import type { Comparison } from '../contracts/comparison';
import { TrueupError } from '../contracts/errors';
import type { Queryable } from '../database/connection';
import type { Cascade, Cascades } from '../engine/cascade';
import { findEffects, type Effect } from '../engine/effect';
import type { EffectTable } from '../engine/effect-table';
import { keyValues } from '../engine/key';
import { sideOf, type Side } from '../engine/side';
import { insertEffects, insertPlanTable, listTablesDeleted, nextCauses, type Cause } from '../ledger/effect';
import { listPairsOn, readComparison } from '../ledger/run';
import { cascadesIn } from './effects';
import type { Resources } from './resources';
import type { StepContext } from './step';

/** More rows than this are not deleted or changed as a consequence: nobody reads a list of so many. */
const MOST_EFFECTS = 1_000_000;
/** Deletes whose effects are looked for at once: where no index finds them, each time costs a look at the whole table. */
const PAGE = 5_000;

export interface PlanEffectsOptions {
  readonly most?: number;
  /** Whether a person reads the plan before any of it is done: then the tables of the run are not compared by it. */
  readonly reviewed?: boolean;
}

/**
 * Finds the rows that the database would delete or change by itself when the plan's rows are deleted, over any number of
 * references, and makes them items of the plan. In the transaction that makes the plan; returns whether the plan has to be
 * numbered anew.
 *
 * @throws EFFECTS_TOO_MANY
 */
export async function planEffects(
  resources: Resources,
  session: Queryable,
  runId: string,
  context: StepContext,
  { most = MOST_EFFECTS, reviewed = false }: PlanEffectsOptions = {},
): Promise<boolean> {
  const targets = new Map<string, Cascades>();
  let found = 0;
  const count = (added: number, table: string) => {
    found += added;
    context.report({ effects: found });
    if (found > most) throw tooMany(runId, table, most);
  };
  for (let level = 0; ; level += 1) {
    const tables = await listTablesDeleted(session, runId, level);
    if (tables.length === 0) break;
    for (const table of tables) {
      const comparison = await readComparison(session, runId, table);
      if (!comparison) throw new TrueupError('RUN_NOT_FOUND', `run ${runId} has no table ${table} in the ledger`);
      const { connection } = comparison.pair.target;
      const cascades = targets.get(connection) ?? cascadesIn(resources, runId, comparison, session);
      targets.set(connection, cascades);
      const side = sideOf(comparison, 'target', cascades.target);
      for (const cascade of await cascades.of(comparison)) {
        const { signal } = context;
        await addEffects({ session, runId, comparison, side, level, cascade, reviewed, count, signal });
      }
    }
  }
  return found > 0;
}

interface Step {
  readonly session: Queryable;
  readonly runId: string;
  readonly comparison: Comparison;
  readonly side: Side;
  readonly level: number;
  readonly cascade: Cascade;
  readonly reviewed: boolean;
  /** Told how many were added to the plan by deletes from a table; throws when it is too much. */
  readonly count: (added: number, table: string) => void;
  readonly signal: AbortSignal;
}

/** Adds what one foreign key does when the plan's rows of one table are deleted. */
async function addEffects(step: Step): Promise<void> {
  const { children } = step.cascade;
  // Where rows cannot be named there must be none, which is seen when the delete is carried out.
  if ('why' in children) return;
  for (const child of children) {
    const approval = await approvalFor(step, child);
    if (approval === 'none planned') continue;
    if (child.comparison.targetOnly) await insertPlanTable(step.session, step.runId, child.comparison);
    const { session, runId, level, comparison } = step;
    for (let afterSeq = '0'; ;) {
      const causes = await nextCauses(session, runId, { table: comparison.pair.name, level, afterSeq }, PAGE);
      const last = causes.at(-1);
      if (!last) break;
      afterSeq = last.seq;
      await addEffectsOf(step, child, causes, approval === 'needed');
    }
  }
}

async function addEffectsOf(step: Step, child: EffectTable, causes: readonly Cause[], needsApproval: boolean) {
  const { session, runId, comparison, side, level, cascade, signal } = step;
  const keys = causes.map((cause) => keyValues(comparison, cause.key));
  const enter = async (effects: readonly Effect[]) => {
    const items = effects.flatMap(({ parent, ...effect }) => {
      const cause = causes[parent];
      // Where nothing would change, the row would still refer to what is gone: that is for the database to refuse.
      if (!cause || (effect.after !== null && Object.keys(effect.after).length === 0)) return [];
      const approval = { needsApproval: cause.needsApproval || needsApproval };
      return [{ ...effect, ...approval, root: cause.root, step: cause.step, level: level + 1 }];
    });
    step.count(await insertEffects(session, runId, items), comparison.pair.name);
  };
  await side.database.withTransaction(
    'repeatable read, read only',
    async (inTarget) => {
      for await (const effects of findEffects(inTarget, side, keys, cascade.key, child)) await enter(effects);
    },
    signal,
  );
}

/** Whether effects on a table need approval of their own: where its differences do. None on one not wholly compared. */
async function approvalFor({ session, runId, cascade, reviewed }: Step, child: EffectTable) {
  if (reviewed) return 'needed';
  if (child.comparison.targetOnly) return 'not needed';
  const pairs = await listPairsOn(session, runId, child.comparison.pair.target);
  const pair = pairs.find(({ comparison }) => comparison.pair.name === child.name);
  if (pair?.status !== 'consistent' && pair?.status !== 'inconsistent') return 'none planned';
  const { extra, mismatched } = child.comparison.pair.corrections;
  return (cascade.key.onDelete === 'c' ? extra : mismatched) === 'auto' ? 'not needed' : 'needed';
}

function tooMany(runId: string, table: string, most: number): TrueupError {
  return new TrueupError(
    'EFFECTS_TOO_MANY',
    `run ${runId}: deleting rows of ${table} would make the database delete or change more than ${most} others`,
  );
}
