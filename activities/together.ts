import type { PlanItem } from '../contracts/plan-item';
import { readTableShape } from '../database/table-shape';
import { readUniqueKeys } from '../database/unique-key';
import { Batch, charactersOf } from '../engine/batch';
import type { Cascades } from '../engine/cascade';
import type { CorrectionOutcome } from '../engine/apply';
import { applyInCompany } from '../engine/company';
import { applyJoined } from '../engine/joint-apply';
import type { JointContext, JointTable } from '../engine/joint-transaction';
import { joinItems, keysFrom, keysInto } from '../engine/joined';
import { inTargetForm } from '../engine/target-form';
import { insertCorrections } from '../ledger/correction';
import { listTiedDeletes } from '../ledger/effect';
import { listInsertedTables, nextOpenItems } from '../ledger/plan';
import { ledgerSchema, type ApplyCounts } from './correct';
import { applyContext, cascadesIn } from './effects';
import { measureCorrections } from './measure';
import type { Resources } from './resources';
import { moveSequences } from './sequences';
import type { StepContext } from './step';

/** Corrections that are held in memory to see which of them need each other; more than that are left to passes. */
const MOST_ITEMS = 5_000;
const MOST_CHARACTERS = 20_000_000;

export interface ApplyTogether {
  readonly runId: string;
  readonly approver: string | null;
  /** Whether what fails now is given up, if nothing is made that may have cleared its way; absent: it is not. */
  readonly last?: boolean;
}

/**
 * Applies what is left of a plan where corrections need each other: those that are tied by references or unique values,
 * each group in one transaction. `deferred` is what is left after that: a group that fails may hold rows that a later pass
 * can make. The `last` time, where nothing is made, it also looks for corrections that want each other without such a tie.
 */
export async function applyTogether(
  resources: Resources,
  { runId, approver, last = false }: ApplyTogether,
  context: StepContext,
): Promise<ApplyCounts> {
  const ledger = await resources.ledger();
  const counts = { success: 0, skipped: 0, failed: 0, deferred: 0 };
  const planned = await readOpen(resources, runId);
  if (planned === null) return { ...counts, deferred: MOST_ITEMS };
  const tables = await lookUp(resources, runId, planned);
  const items = await inTargetForms(planned, tables);
  const settled = new Set<string>();
  const enter = async (outcomes: readonly CorrectionOutcome[]) => {
    const { counts: entered, automatic } = await insertCorrections(ledger, runId, approver, outcomes);
    measureCorrections(resources, automatic);
    for (const { seq } of outcomes) settled.add(seq);
    counts.success += entered.SUCCESS ?? 0;
    counts.skipped += entered.SKIPPED_STALE ?? 0;
    counts.failed += entered.FAILED ?? 0;
    context.report(counts);
  };
  const failed: CorrectionOutcome[] = [];
  const databases = byDatabase(runId, items, tables);
  const tied = await listTiedDeletes(ledger, runId);
  for (const { joint, of } of databases) {
    for (const group of joinItems(of, ({ table }) => tableOf(tables, table).ties, tied)) {
      context.signal.throwIfAborted();
      if (group.length === 1) continue;
      const outcomes = await applyJoined(joint, group, { search: last });
      failed.push(...outcomes.filter(({ mayPass }) => mayPass));
      await enter(outcomes.filter(({ mayPass }) => !mayPass));
    }
  }
  for (const { joint, of } of last && counts.success === 0 ? databases : []) {
    const left = of.filter(({ seq }) => !settled.has(seq));
    await enter(await applyInCompany(joint, left, context.signal));
  }
  if (last && counts.success === 0) await enter(failed.filter(({ seq }) => !settled.has(seq)));
  // Also where nothing is left: an earlier attempt may have inserted, and come no further.
  for (const table of await listInsertedTables(ledger, runId)) {
    await moveSequences(resources, runId, await resources.comparison(runId, table));
  }
  return { ...counts, deferred: items.length - settled.size };
}

/** What is left of the plan; null: too much to be held at once. */
async function readOpen(resources: Resources, runId: string): Promise<readonly PlanItem[] | null> {
  const ledger = await resources.ledger();
  const items: PlanItem[] = [];
  const batch = new Batch();
  let characters = 0;
  for (;;) {
    const page = await nextOpenItems(ledger, runId, items.at(-1)?.seq ?? '0', batch.rows);
    if (page.length === 0) return items;
    const wide = charactersOf(page.flatMap(({ before, after, source }) => [before, after, source]));
    batch.saw(page.length, wide);
    characters += wide;
    items.push(...page);
    if (items.length > MOST_ITEMS || characters > MOST_CHARACTERS) return null;
  }
}

/** The items with what ties them to each other as the targets have it, in the order given. */
async function inTargetForms(items: readonly PlanItem[], tables: ReadonlyMap<string, JointTable>) {
  const found = new Map<string, PlanItem>();
  for (const [name, { context, shape, ties }] of tables) {
    const { comparison, sides } = context;
    const columns = new Set([
      ...ties.uniqueKeys.flatMap((key) => key.columns),
      ...keysFrom(ties).flatMap(({ child }) => child.columns),
      ...keysInto(ties).flatMap(({ parent }) => parent.columns),
    ]);
    const of = items.filter(({ table }) => table === name);
    for (const item of await inTargetForm(sides.target.database, comparison, shape, of, columns)) {
      found.set(item.seq, item);
    }
  }
  return items.map((item) => found.get(item.seq) ?? item);
}

function tableOf(tables: ReadonlyMap<string, JointTable>, name: string): JointTable {
  const found = tables.get(name);
  if (!found) throw new RangeError('an item of a table that was not looked up');
  return found;
}

/** The items of each target, which are corrected there alone. */
function byDatabase(runId: string, items: readonly PlanItem[], tables: ReadonlyMap<string, JointTable>) {
  const databases = new Map<string, { readonly joint: JointContext; readonly of: PlanItem[] }>();
  for (const item of items) {
    const { ties, context } = tableOf(tables, item.table);
    const known = databases.get(ties.target.connection);
    const joint = { runId, target: context.sides.target.database, tables };
    if (known) known.of.push(item);
    else databases.set(ties.target.connection, { joint, of: [item] });
  }
  return [...databases.values()];
}

async function lookUp(resources: Resources, runId: string, items: readonly PlanItem[]) {
  const schema = await ledgerSchema(resources, runId);
  const targets = new Map<string, Cascades>();
  const tables = new Map<string, JointTable>();
  for (const table of new Set(items.map((item) => item.table))) {
    const comparison = await resources.comparison(runId, table);
    const { target } = comparison.pair;
    const cascades = targets.get(target.connection) ?? cascadesIn(resources, runId, comparison);
    targets.set(target.connection, cascades);
    const shape = await readTableShape(cascades.target, target.schema, target.table);
    if (!shape) continue;
    tables.set(table, {
      shape,
      ties: {
        target,
        uniqueKeys: await readUniqueKeys(cascades.target, target.schema, target.table),
        foreignKeys: await cascades.foreignKeys(),
        notNull: new Set(shape.columns.filter(({ notNull }) => notNull).map(({ name }) => name)),
      },
      context: await applyContext(resources, { runId, schema, cascades }, comparison),
    });
  }
  return tables;
}
