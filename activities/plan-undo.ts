import type { Operation } from '../contracts/correction';
import { TrueupError } from '../contracts/errors';
import type { PlanSummary } from '../contracts/run';
import type { RunConfig } from '../contracts/table-pair';
import { isWhole, type UndoScope } from '../contracts/undo';
import { readForeignKeys } from '../database/foreign-key';
import { Batch, charactersOf } from '../engine/batch';
import { keyDigest, keyText, keyValues } from '../engine/key';
import { readRows } from '../engine/row';
import { parentsFirst } from '../engine/table-order';
import { changedSince, undoItem } from '../engine/undo';
import { listImageTables, previousBeforeImages, type StoredBeforeImage } from '../ledger/before-image';
import { countCorrections } from '../ledger/correction';
import { isKeeping } from '../ledger/kept';
import { readPlanLines } from '../ledger/plan';
import { digestPlan } from '../ledger/plan-digest';
import { readRunConfig, setPlanDigest } from '../ledger/run';
import { refreshStatistics } from '../ledger/statistics';
import {
  insertRefused,
  insertUndoItems,
  previousAsked,
  readUndoScope,
  type RefusedUndo,
  type UndoPlanItem,
} from '../ledger/undo';
import { listUndone } from '../ledger/undone';
import { guardPlan } from './plan-terms';
import type { Resources } from './resources';
import type { StepContext } from './step';
import { targetsOf } from './undo';

const ABOVE_ALL = '9223372036854775807';

export interface PlanUndoInput {
  readonly runId: string;
  readonly undoOf: string;
}

/**
 * Plans an undo from the before-images of the run and from what the target holds now, the last correction first. What was
 * changed since its correction is refused, or overwritten where that is asked for. What a delete took along comes back with
 * it, also where only the delete is asked for. A retry adds what is not there yet.
 *
 * @throws RUN_NOT_UNDOABLE: nothing is left to give back.
 */
export async function planUndo(
  resources: Resources,
  { runId, undoOf }: PlanUndoInput,
  context: StepContext,
): Promise<PlanSummary> {
  const ledger = await resources.ledger();
  const scope = await readUndoScope(ledger, runId);
  const config = await readRunConfig(ledger, undoOf);
  if (!config) throw new TrueupError('RUN_NOT_FOUND', `no run ${undoOf} in the ledger`);
  let [number, firstStep] = [1, 1];
  for (const connection of targetsOf(config)) {
    const target = resources.database(connection, 'target');
    const tables: string[] = [];
    for (const table of await listImageTables(target, config.ledgerSchema, undoOf)) {
      const { pair } = await resources.comparison(undoOf, table);
      // Two connections may lead to one database: each table is given back by its own.
      if (pair.target.connection === connection) tables.push(table);
    }
    const stepOf = await orderSteps(resources, undoOf, connection, tables, firstStep);
    const batch = new Batch();
    for (let below = ABOVE_ALL; ;) {
      const seqs = isWhole(scope) ? null : await previousAsked(ledger, undoOf, scope, below, batch.rows);
      const filter = { tables, seqs };
      const images = await previousBeforeImages(target, config.ledgerSchema, undoOf, below, batch.rows, filter);
      const lowest = seqs === null ? images.at(-1)?.seq : seqs.at(-1);
      if (lowest === undefined) break;
      batch.saw(images.length, charactersOf(images.flatMap(({ before, after }) => [before, after])));
      await planPage(resources, { runId, undoOf, scope, stepOf, number }, images, context.signal);
      number += images.length;
      below = lowest;
      context.report({ planned: number - 1 });
    }
    firstStep += 3 * tables.length;
  }
  return summarize(resources, runId, undoOf, config);
}

type StepOf = (table: string, operation: Operation) => number;

/** Rows come back parents first, then what was changed, and what goes does so children first. */
async function orderSteps(
  resources: Resources,
  undoOf: string,
  connection: string,
  tables: readonly string[],
  first: number,
): Promise<StepOf> {
  const pairs = [];
  for (const name of tables) pairs.push({ name, target: (await resources.comparison(undoOf, name)).pair.target });
  const ordered = parentsFirst(pairs, await readForeignKeys(resources.database(connection, 'target')));
  const places = new Map(ordered.map(({ name }, i) => [name, i]));
  return (table, operation) => {
    const [place, n] = [places.get(table) ?? 0, tables.length];
    switch (operation) {
      case 'insert':
        return first + place;
      case 'update':
        return first + n + place;
      case 'delete':
        return first + 3 * n - 1 - place;
    }
  };
}

interface Page {
  readonly runId: string;
  readonly undoOf: string;
  readonly scope: UndoScope;
  readonly stepOf: StepOf;
  /** Of the first image; they follow from the images alone, so that a retry gives each the same. */
  readonly number: number;
}

async function planPage(
  resources: Resources,
  { runId, undoOf, scope, stepOf, number }: Page,
  images: readonly StoredBeforeImage[],
  signal: AbortSignal,
): Promise<void> {
  const ledger = await resources.ledger();
  const undone = await listUndone(
    ledger,
    undoOf,
    images.map(({ seq }) => seq),
  );
  const items: UndoPlanItem[] = [];
  const refused: RefusedUndo[] = [];
  for (const table of new Set(images.map((image) => image.table))) {
    const comparison = await resources.comparison(undoOf, table);
    const { target } = resources.sides(comparison);
    const open = images
      .map((image, i) => ({ image, seq: String(number + i), key: keyValues(comparison, image.key) }))
      .filter(({ image }) => image.table === table && !undone.has(image.seq));
    const keys = open.map(({ key }) => key);
    const rows = await target.database.withSession((session) => readRows(session, comparison, target, keys), signal);
    for (const { image, seq, key } of open) {
      const now = rows.get(keyText(key))?.values ?? null;
      const item = undoItem(comparison, image, now);
      if (item === null) continue;
      const changed = changedSince(image, now);
      if (changed !== null && !scope.force) {
        refused.push({ ...item, before: image.after, seq, table, error: changed });
        continue;
      }
      const forced = changed !== null;
      items.push({
        ...item,
        seq,
        table,
        step: stepOf(table, item.operation),
        keyDigest: keyDigest(key),
        undoes: image.seq,
        // What somebody else wrote since is overwritten by nobody's policy.
        needsApproval: forced || (scope.policy === 'approve' && item.operation !== 'insert'),
        ...(forced ? { forced } : {}),
      });
    }
  }
  await ledger.withTransaction('read write', async (session) => {
    await insertUndoItems(session, runId, items);
    await insertRefused(session, runId, refused);
  });
}

async function summarize(resources: Resources, runId: string, undoOf: string, undone: RunConfig): Promise<PlanSummary> {
  const ledger = await resources.ledger();
  const blocked = await guardPlan(resources, ledger, runId, (await readRunConfig(ledger, runId)) ?? undone);
  const lines = await readPlanLines(ledger, runId);
  const total = lines.reduce((sum, line) => sum + line.rows, 0);
  const { SKIPPED_STALE: refused = 0 } = await countCorrections(ledger, runId);
  const isForgetting = isWhole(await readUndoScope(ledger, runId)) && (await isKeeping(ledger, undoOf));
  if (total + refused === 0 && !isForgetting) {
    throw new TrueupError('RUN_NOT_UNDOABLE', `run ${undoOf} has no correction that is not undone already`);
  }
  await refreshStatistics(ledger, 'plan_item', total);
  const digest = await digestPlan(ledger, runId);
  await setPlanDigest(ledger, runId, digest);
  return {
    digest,
    lines,
    total,
    needsApproval: lines.some((line) => line.needsApproval),
    refused,
    ...(blocked.length === 0 ? {} : { blocked }),
  };
}
