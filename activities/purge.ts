import { createHash } from 'node:crypto';
import { parseDuration } from '../contracts/duration';
import { TrueupError } from '../contracts/errors';
import type { PurgeInput, PurgeLine, PurgeSummary } from '../contracts/purge';
import type { LedgerIdentity } from '../contracts/server';
import type { Queryable } from '../database/connection';
import { deleteImages, keepsImages, measureImages } from '../ledger/before-image';
import {
  deleteFindings,
  endPurge as writeEnd,
  finishPurgeRun,
  imagePlacesOf,
  insertPurge,
  isPurgeOpen,
  listImagePlaces,
  listPurgeCandidates,
  lockRuns,
  measureFindings,
  nextPurgeRun,
  type PurgeCandidate,
  type PurgeScope,
} from '../ledger/purge';
import { ofRun } from './held-resources';
import type { Resources } from './resources';
import type { StepContext } from './step';

/** Runs that one purge takes. */
const MOST_RUNS = 10_000;
const MOST_SHOWN = 20;
/** Rows that one transaction drops. */
const BATCH = 5_000;

/** What a purge would drop, as things stand. Throws INPUT_INVALID, PURGE_REFUSED. */
export async function planPurge(resources: Resources, input: PurgeInput): Promise<PlannedPurge> {
  const ledger = await resources.ledger();
  const scope = scopeOf(resources, input);
  const { summary } = await choose(resources, ledger, scope);
  return { ...summary, inLedger: await resources.ledgerIdentity() };
}

export interface PlannedPurge extends PurgeSummary {
  /** Where its runs are; its steps are held to it. Absent in histories of earlier versions. */
  readonly inLedger?: LedgerIdentity;
}

export interface BeginPurge {
  readonly input: PurgeInput;
  /** The scope of what was planned: time goes on, and the limit stays. */
  readonly cutoff: string | null;
  readonly workflowId: string;
  readonly firstExecutionRunId: string;
}

/**
 * Enters a purge: from then on its runs can be undone no more. A retry finds what the first attempt entered.
 *
 * @throws PURGE_REFUSED: other runs than those that were shown would be dropped by now.
 */
export async function beginPurge(resources: Resources, request: BeginPurge): Promise<void> {
  const { input, cutoff, workflowId, firstExecutionRunId: purgeId } = request;
  const ledger = await resources.ledger();
  const scope = { ...scopeOf(resources, input), cutoff };
  await ledger.withTransaction('read write', async (session) => {
    if (await isPurgeOpen(session, purgeId)) return;
    const candidates = await listPurgeCandidates(session, scope);
    await lockRuns(
      session,
      candidates.map(({ runId }) => runId),
    );
    // Looked at again, now that nobody can begin to undo one of them.
    const { runs, summary } = await choose(resources, session, scope);
    if (input.digest !== undefined && input.digest !== summary.digest) {
      throw new TrueupError('PURGE_REFUSED', 'other runs than those that were shown would be dropped by now');
    }
    await insertPurge(session, { purgeId, workflowId, requestedBy: input.requestedBy ?? null, runs, summary });
  });
}

/** Drops what a purge holds, run by run, in batches; a retry goes on where it ended. Returns how many runs it took. */
export async function dropPurged(
  resources: Resources,
  { purgeId, findings }: { readonly purgeId: string; readonly findings: boolean },
  context: StepContext,
): Promise<number> {
  const ledger = await resources.ledger();
  let [runs, rows] = [0, 0];
  const dropAll = async (drop: () => Promise<number>) => {
    for (;;) {
      // A cancel ends it here, between two transactions.
      context.signal.throwIfAborted();
      const dropped = await drop();
      if (dropped === 0) return;
      rows += dropped;
      context.report({ runs, rows });
    }
  };
  for (;;) {
    const next = await nextPurgeRun(ledger, purgeId);
    if (!next) return runs;
    const { runId, config } = next;
    const held = await ofRun(resources, runId);
    for (const { connection, schema } of imagePlacesOf(config)) {
      const target = held.database(connection, 'target');
      if (await keepsImages(target, schema)) await dropAll(() => deleteImages(target, schema, runId, BATCH));
    }
    if (findings) await dropAll(() => deleteFindings(ledger, runId, BATCH));
    await finishPurgeRun(ledger, purgeId, runId);
    runs += 1;
    context.report({ runs, rows });
  }
}

export async function endPurge(resources: Resources, { purgeId }: { readonly purgeId: string }): Promise<void> {
  await writeEnd(await resources.ledger(), purgeId);
}

function scopeOf(resources: Resources, input: PurgeInput): PurgeScope {
  const findings = input.findings === true;
  if (input.runs !== undefined && input.olderThan === undefined) {
    return { cutoff: null, runs: [...new Set(input.runs)], findings };
  }
  const { retentionMs } = resources.readConfig().ledger;
  const age = input.olderThan === undefined ? retentionMs : parseDuration(input.olderThan);
  if (age === null) {
    throw new TrueupError(
      'INPUT_INVALID',
      'neither olderThan nor runs is given, and the config has no ledger.retention: nothing says what to drop',
    );
  }
  return { cutoff: new Date(Date.now() - age).toISOString(), runs: input.runs ?? null, findings };
}

async function choose(
  resources: Resources,
  ledger: Queryable,
  scope: PurgeScope,
): Promise<{ readonly runs: readonly string[]; readonly summary: PurgeSummary }> {
  const candidates = await listPurgeCandidates(ledger, scope);
  const { free, needed } = withoutNeeded(candidates, scope);
  if (scope.runs !== null && scope.cutoff === null) refuseUnfit(scope.runs, candidates, needed);
  const runs = free.slice(0, MOST_RUNS).map(({ runId }) => runId);
  const count = (obstacle: string) => candidates.filter((found) => found.obstacle === obstacle).length;
  const images: PurgeLine[] = [];
  for (const { connection, schema } of await listImagePlaces(ledger, runs)) {
    const target = resources.database(connection, 'target');
    if (await keepsImages(target, schema)) images.push(...(await measureImages(target, schema, runs)));
  }
  const digest = createHash('sha256').update(JSON.stringify([...runs].sort().concat(String(scope.findings))));
  return {
    runs,
    summary: {
      status: 'dry_run',
      digest: digest.digest('hex'),
      cutoff: scope.cutoff,
      findings: scope.findings,
      runs: runs.length,
      oldest: runs.slice(0, MOST_SHOWN),
      more: free.length - runs.length,
      images,
      ledger: scope.findings ? await measureFindings(ledger, runs) : [],
      kept: {
        notEnded: count('not ended'),
        undoUnderWay: count('undo under way'),
        neededByUndo: needed.length,
      },
    },
  };
}

/**
 * Leaves out the findings of undos whose run could still be undone: without them it were not known what of it is undone
 * already.
 */
function withoutNeeded(candidates: readonly PurgeCandidate[], { findings }: PurgeScope) {
  let free = candidates.filter(({ obstacle }) => obstacle === null);
  const needed: PurgeCandidate[] = [];
  while (findings) {
    const going = new Set(free.map(({ runId }) => runId));
    const kept = free.filter(({ undoes }) => undoes.some((runId) => !going.has(runId)));
    if (kept.length === 0) break;
    needed.push(...kept);
    free = free.filter((candidate) => !kept.includes(candidate));
  }
  return { free, needed };
}

const MOST_NAMED = 10;

/** Runs that were named go all or none. */
function refuseUnfit(
  asked: readonly string[],
  candidates: readonly PurgeCandidate[],
  needed: readonly PurgeCandidate[],
): void {
  const why = asked.flatMap((runId) => {
    const found = candidates.find((candidate) => candidate.runId === runId);
    if (!found) return [`${runId}: not in the ledger`];
    if (found.obstacle !== null) return [`${runId}: ${found.obstacle}`];
    return needed.includes(found) ? [`${runId}: undoes ${found.undoes.join(', ')}, which could still be undone`] : [];
  });
  if (why.length === 0) return;
  const more = why.length > MOST_NAMED ? `; and ${why.length - MOST_NAMED} more` : '';
  throw new TrueupError('PURGE_REFUSED', `nothing is dropped: ${why.slice(0, MOST_NAMED).join('; ')}${more}`);
}
