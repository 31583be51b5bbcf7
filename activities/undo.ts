import { TrueupError } from '../contracts/errors';
import type { PlanSummary } from '../contracts/run';
import type { UndoInput } from '../contracts/messages';
import { keyDigest, keyValues } from '../engine/key';
import { undoItem } from '../engine/undo';
import { previousBeforeImages } from '../ledger/before-image';
import { migrate } from '../ledger/migrate';
import { insertUndoItems, readPlanLines } from '../ledger/plan';
import { copyRunTables, insertRun, readRunConfig, setPlanDigest } from '../ledger/run';
import { listUndoneKeys } from '../ledger/undone';
import { digestPlan } from '../ledger/plan-digest';
import { readRunReport } from '../ledger/report';
import { resolveUndone } from '../ledger/finding';
import { forgetKept, isKeeping } from '../ledger/kept';
import { noteUndoneReviews } from '../ledger/resolution';
import { ledgerSchema, type Verified } from './correct';
import type { TableStep } from './compare';
import type { Resources } from './resources';
import type { StepContext } from './step';
import { verifyWritten } from './verify-written';

export interface OpenUndoInput {
  readonly input: UndoInput;
  readonly workflowId: string;
  readonly firstExecutionRunId: string;
}

export interface OpenedUndo {
  readonly runId: string;
  readonly undoOf: string;
  readonly tables: readonly string[];
  readonly searchAttributes: boolean;
}

/** Enters an undo in the ledger. Throws RUN_NOT_FOUND, RUN_NOT_UNDOABLE. */
export async function openUndo(resources: Resources, request: OpenUndoInput): Promise<OpenedUndo> {
  const ledger = await resources.ledger();
  const undone = await readRunReport(ledger, request.input.runId);
  const config = undone && (await readRunConfig(ledger, undone.runId));
  if (!undone || !config) throw new TrueupError('RUN_NOT_FOUND', `no run ${request.input.runId} in the ledger`);
  if (undone.endedAt === null) {
    throw new TrueupError('RUN_NOT_UNDOABLE', `run ${undone.runId} has not ended: it is ${undone.status}`);
  }
  for (const target of new Set(config.tables.map((pair) => pair.target.connection))) {
    await migrate(resources.database(target, 'target'), config.ledgerSchema, 'target');
  }
  const runId = await ledger.withTransaction('read write', async (session) => {
    const id = await insertRun(session, {
      kind: 'undo',
      workflowId: request.workflowId,
      firstExecutionRunId: request.firstExecutionRunId,
      apply: true,
      requestedBy: request.input.requestedBy ?? null,
      undoOf: undone.runId,
      config,
    });
    await copyRunTables(session, id, undone.runId);
    return id;
  });
  return {
    runId,
    undoOf: undone.runId,
    tables: config.tables.map((pair) => pair.name),
    searchAttributes: resources.searchAttributes,
  };
}

const PAGE = 500;

/** Plans the undo from the run's before-images, the last correction first. A retry adds what is not there yet. */
export async function planUndo(
  resources: Resources,
  { runId, undoOf }: { readonly runId: string; readonly undoOf: string },
  context: StepContext,
): Promise<PlanSummary> {
  const ledger = await resources.ledger();
  const schema = await ledgerSchema(resources, undoOf);
  const config = await readRunConfig(ledger, undoOf);
  let [seq, stepNo] = [0, 0];
  let group = '';
  for (const connection of new Set(config?.tables.map((pair) => pair.target.connection))) {
    const target = resources.database(connection, 'target');
    for (let below = '9223372036854775807'; ;) {
      const images = await previousBeforeImages(target, schema, undoOf, below, PAGE);
      const lowest = images.at(-1);
      if (!lowest) break;
      const already = await listUndoneKeys(ledger, undoOf, images);
      const items = [];
      for (const image of images) {
        const comparison = await resources.comparison(undoOf, image.table);
        const item = undoItem(comparison, image);
        if (!item) continue;
        // Numbers follow from the images alone: a retry gives each the same, whatever was undone meanwhile.
        const itsGroup = JSON.stringify([image.table, item.operation]);
        if (itsGroup !== group) stepNo += 1;
        group = itsGroup;
        seq += 1;
        if (already.has(image.seq)) continue;
        const digest = keyDigest(keyValues(comparison, image.key));
        items.push({ ...item, seq: String(seq), step: stepNo, table: image.table, keyDigest: digest });
      }
      await insertUndoItems(ledger, runId, items);
      below = lowest.seq;
      context.report({ planned: seq });
    }
  }
  const lines = await readPlanLines(ledger, runId);
  const total = lines.reduce((sum, line) => sum + line.rows, 0);
  if (total === 0 && !(await isKeeping(ledger, undoOf))) {
    throw new TrueupError('RUN_NOT_UNDOABLE', `run ${undoOf} has no correction that is not undone already`);
  }
  const digest = await digestPlan(ledger, runId);
  await setPlanDigest(ledger, runId, digest);
  return { digest, lines, total, needsApproval: false };
}

/** Reads every restored row again: does it hold what it held before the run that was undone? */
export function verifyUndo(resources: Resources, input: TableStep, context: StepContext): Promise<Verified> {
  return verifyWritten(resources, input, context);
}

export async function resolveUndo(resources: Resources, { runId }: { readonly runId: string }): Promise<void> {
  const ledger = await resources.ledger();
  await resolveUndone(ledger, runId);
  await noteUndoneReviews(ledger, runId);
  await forgetKept(ledger, runId);
}
