import { parseDuration } from '../contracts/duration';
import { TrueupError } from '../contracts/errors';
import type { Guard } from '../contracts/guard';
import type { LedgerIdentity } from '../contracts/server';
import type { UndoInput } from '../contracts/messages';
import { named } from '../contracts/named';
import type { RunConfig } from '../contracts/table-pair';
import { isWhole } from '../contracts/undo';
import { listImageTables, listMarkers } from '../ledger/before-image';
import { resolveUndone, resolveUndoneChecks } from '../ledger/finding';
import { forgetKept } from '../ledger/kept';
import { migrate } from '../ledger/migrate';
import { lockAgainstPurge, purgedText } from '../ledger/purged';
import { readRunReport } from '../ledger/report';
import { noteUndoneReviews } from '../ledger/review-plan';
import { copyRunTables, insertRun, readRunConfig } from '../ledger/run';
import { readServers, setServers } from '../ledger/servers';
import { findTiedDeletes, readUndoScope, setUndoScope } from '../ledger/undo';
import type { TableStep } from './compare';
import type { Resources } from './resources';
import { openServers } from './servers';
import type { StepContext } from './step';
import type { Verified } from './verify';
import { verifyWritten } from './verify-written';

export interface OpenUndoInput {
  readonly input: UndoInput;
  readonly workflowId: string;
  readonly firstExecutionRunId: string;
}

export interface OpenedUndo {
  readonly runId: string;
  readonly undoOf: string;
  /** Where it is entered; its steps are held to it. Absent in histories of earlier versions. */
  readonly ledger?: LedgerIdentity;
  readonly searchAttributes: boolean;
  /** How long a plan that deletes or overwrites waits for a decision. */
  readonly approvalTimeoutMs: number;
  /** Whether who requested it may not approve it; absent in histories of earlier versions: they may. */
  readonly fourEyes?: boolean;
}

/** Enters an undo in the ledger. Throws RUN_NOT_FOUND, RUN_NOT_UNDOABLE, TABLE_UNKNOWN. */
export async function openUndo(resources: Resources, request: OpenUndoInput): Promise<OpenedUndo> {
  const { defaults } = resources.readConfig();
  const ledger = await resources.ledger();
  const { input } = request;
  if (defaults.fourEyes && (input.requestedBy ?? '').trim() === '') {
    const what = 'requestedBy is missing: defaults.fourEyes is on, so an undo has to say who requested it';
    throw new TrueupError('INPUT_INVALID', what);
  }
  const undone = await readRunReport(ledger, input.runId);
  const config = undone && (await readRunConfig(ledger, undone.runId));
  if (!undone || !config) throw new TrueupError('RUN_NOT_FOUND', `no run ${input.runId} in the ledger`);
  if (undone.endedAt === null) {
    throw new TrueupError('RUN_NOT_UNDOABLE', `run ${undone.runId} has not ended: it is ${undone.status}`);
  }
  // What was changed is given back in the database in which it was changed.
  const { servers, held } = await openServers(resources, config, await readServers(ledger, undone.runId));
  for (const target of targetsOf(config)) {
    await migrate(held.database(target, 'target'), config.ledgerSchema, 'target');
  }
  const approvalTimeoutMs = parseDuration(input.approvalTimeout ?? '') ?? defaults.approvalTimeoutMs;
  const runId = await ledger.withTransaction('read write', async (session) => {
    const purged = await lockAgainstPurge(session, undone.runId, 'images');
    if (purged) {
      const what = `the before-images of run ${undone.runId} were ${purgedText(purged)}`;
      throw new TrueupError('RUN_NOT_UNDOABLE', `${what}: it can be undone no more`);
    }
    await checkScope(held, undone.runId, config, input);
    const id = await insertRun(session, {
      kind: 'undo',
      workflowId: request.workflowId,
      firstExecutionRunId: request.firstExecutionRunId,
      apply: true,
      requestedBy: input.requestedBy ?? null,
      undoOf: undone.runId,
      config: { ...guarded(config, defaults.guard), approvalTimeoutMs, fourEyes: defaults.fourEyes },
    });
    await setServers(session, id, servers);
    await setUndoScope(session, id, {
      tables: input.tables ?? null,
      corrections: input.corrections ?? null,
      force: input.force === true,
      policy: defaults.undo,
    });
    await copyRunTables(session, id, undone.runId);
    return id;
  });
  const { searchAttributes } = resources;
  return {
    runId,
    undoOf: undone.runId,
    ledger: servers.ledger,
    searchAttributes,
    approvalTimeoutMs,
    fourEyes: defaults.fourEyes,
  };
}

/** What a run of an earlier version was not guarded by guards its undo. */
function guarded(config: RunConfig, guard: Guard): RunConfig {
  return { ...config, guard: config.guard ?? guard, tables: config.tables.map((pair) => ({ guard, ...pair })) };
}

/** The connections on which a run may have corrected something. */
export function targetsOf(config: RunConfig): readonly string[] {
  return [...new Set(config.tables.map((pair) => pair.target.connection))];
}

const MOST_NAMED = 20;

/** Whether the run has corrected each of the tables, and made each of the corrections, that are asked for. */
async function checkScope(
  resources: Resources,
  runId: string,
  config: RunConfig,
  { tables = [], corrections = [] }: UndoInput,
): Promise<void> {
  const [corrected, made] = [new Set<string>(), new Set<string>()];
  for (const connection of tables.length + corrections.length > 0 ? targetsOf(config) : []) {
    const target = resources.database(connection, 'target');
    for (const table of await listImageTables(target, config.ledgerSchema, runId)) corrected.add(table);
    for (const seq of await listMarkers(target, config.ledgerSchema, runId, corrections)) made.add(seq);
  }
  const unknown = tables.filter((table) => !corrected.has(table));
  if (unknown.length > 0) {
    const known = corrected.size === 0 ? 'no table' : named([...corrected].sort(), MOST_NAMED);
    throw new TrueupError('TABLE_UNKNOWN', `run ${runId} corrected ${known}; asked for ${named(unknown, MOST_NAMED)}`);
  }
  const missing = corrections.filter((seq) => !made.has(seq));
  if (missing.length > 0) {
    throw new TrueupError(
      'RUN_NOT_UNDOABLE',
      `run ${runId} has made no correction with the number ${named(missing, MOST_NAMED)}`,
    );
  }
  if (tables.length + corrections.length === 0) return;
  const asked = { tables: tables.length > 0 ? tables : null, corrections: corrections.length > 0 ? corrections : null };
  const tied = await findTiedDeletes(await resources.ledger(), runId, asked);
  if (tied) {
    const what = `a row of ${tied.table} was changed by all of these deletes, and comes back with all of them only`;
    throw new TrueupError('RUN_NOT_UNDOABLE', `run ${runId}: ${what}: ${named(tied.deletes, MOST_NAMED)}`);
  }
}

/** Reads every restored row again: does it hold what it held before the run that was undone? */
export function verifyUndo(resources: Resources, input: TableStep, context: StepContext): Promise<Verified> {
  return verifyWritten(resources, input, context);
}

export async function resolveUndo(resources: Resources, { runId }: { readonly runId: string }): Promise<void> {
  const ledger = await resources.ledger();
  await resolveUndone(ledger, runId);
  await resolveUndoneChecks(ledger, runId);
  await noteUndoneReviews(ledger, runId);
  // What a reviewer decided to keep is no correction: it goes with the whole of its run.
  if (isWhole(await readUndoScope(ledger, runId))) await forgetKept(ledger, runId);
}
