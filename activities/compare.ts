import { TrueupError, isErrorCode } from '../contracts/errors';
import type { TableSummary } from '../contracts/run';
import type { TablePair } from '../contracts/table-pair';
import type { ChunkLimits } from '../contracts/throttle';
import { provableTypes, provenSettled, readHorizons } from '../engine/cold';
import { Batch, charactersOf } from '../engine/batch';
import { compareChunk } from '../engine/compare-chunk';
import { planChunks as planChunkRanges } from '../engine/plan-chunks';
import { settle } from '../engine/settle';
import {
  closeCandidates,
  countOpenCandidates,
  deleteCandidates,
  insertCandidates,
  nextCandidates,
  recordReadings,
} from '../ledger/candidate';
import {
  beginChunk,
  countChunks,
  failChunks,
  finishChunk,
  insertChunks,
  isCounted,
  listFailedChunks,
  totalChunks,
  type ChunkTotals,
} from '../ledger/chunk';
import { countFindings, insertSettledFindings } from '../ledger/finding';
import { isResumed } from '../ledger/resume';
import { endTable, updateTablePhase } from '../ledger/run';
import { countSettledBefore, settleProven } from '../ledger/settled';
import { recount } from './recount';
import type { Resources } from './resources';
import type { StepContext } from './step';

export interface TableStep {
  readonly runId: string;
  readonly table: string;
}

/** The chunks from number `from` up to, not including, `until`. */
export interface ChunkSpan extends TableStep {
  readonly from: number;
  readonly until: number;
  /** Default: as many chunks at once as the worker's config says. */
  readonly limits?: ChunkLimits;
}

/** Cuts a table pair into chunks and enters them in the ledger. A retry finds the list that is there. */
export async function planChunks(resources: Resources, { runId, table }: TableStep, context: StepContext) {
  const ledger = await resources.ledger();
  const known = await countChunks(ledger, runId, table);
  if (known > 0) return { chunks: known };
  await updateTablePhase(ledger, runId, table, 'planning');
  const comparison = await resources.comparison(runId, table);
  let boundaries = 0;
  const onBoundary = () => (boundaries += 1) % 100 === 0 && context.report({ boundaries });
  // Planning reads a whole index: it counts among the chunks that the databases bear at once.
  const ranges = await resources.comparing(comparison, context.signal, () =>
    planChunkRanges(comparison, resources.sides(comparison), comparison.pair.chunkRows, context.signal, { onBoundary }),
  );
  const chunks = await ledger.withTransaction('read write', (session) =>
    insertChunks(
      session,
      runId,
      table,
      ranges.map((range, no) => ({ no, ...range })),
    ),
  );
  await updateTablePhase(ledger, runId, table, 'comparing');
  return { chunks };
}

/** Compares the chunks of a span that are not finished yet; what is finished stays so, whatever happens to this attempt. */
export async function compareChunks(resources: Resources, span: ChunkSpan, context: StepContext): Promise<ChunkTotals> {
  const { runId, table, from, until } = span;
  const ledger = await resources.ledger();
  const comparison = await resources.comparison(runId, table);
  const sides = resources.sides(comparison);
  const compareNext = () =>
    resources.comparing(
      comparison,
      context.signal,
      async () => {
        const chunk = await beginChunk(ledger, runId, table, from, until);
        if (chunk === null) return null;
        await deleteCandidates(ledger, runId, table, chunk);
        const result = await compareChunk(
          comparison,
          sides,
          chunk,
          (differences) => insertCandidates(ledger, runId, table, chunk, differences),
          context.signal,
        );
        await finishChunk(ledger, runId, table, chunk, result);
        return chunk.no;
      },
      span.limits,
    );
  for (let no = await compareNext(); no !== null; no = await compareNext()) context.report({ chunk: no });
  return totalChunks(ledger, runId, table, from, until);
}

/** Marks the rest of a span as not compared, and why. */
export async function failSpan(
  resources: Resources,
  span: ChunkSpan & { readonly code: string },
): Promise<ChunkTotals> {
  const { runId, table, from, until, code } = span;
  const ledger = await resources.ledger();
  await failChunks(ledger, runId, table, from, until, isErrorCode(code) ? code : 'INTERNAL');
  return totalChunks(ledger, runId, table, from, until);
}

export interface SettleStep extends TableStep {
  /**
   * Counted from 1; each candidate is read once for each attempt. The first comes at once, and reads only what it may
   * prove to be settled, and what an earlier run found; each further one follows a delay.
   */
  readonly attempt: number;
}

/** Reads the open candidates of a table again. A retry goes on where the last attempt stopped. */
export async function settleCandidates(resources: Resources, input: SettleStep, context: StepContext) {
  const { runId, table, attempt } = input;
  const ledger = await resources.ledger();
  const comparison = await resources.comparison(runId, table);
  const sides = resources.sides(comparison);
  await updateTablePhase(ledger, runId, table, 'settling');
  const { delayMs, attempts } = comparison.pair.settle;
  const horizons = await readHorizons(sides, delayMs * attempts, context.signal);
  // What an earlier run read is read anew, so that the reading after the delay is told from one of now.
  const isSelective = attempt === 1 && !(await isResumed(ledger, runId));
  const types = isSelective ? await provableTypes(comparison, sides, horizons, context.signal) : null;
  if (!isSelective) await recount(resources, comparison, sides, input, context);
  let read = 0;
  let after = '';
  const batch = new Batch();
  while (types === null || types.length > 0) {
    const candidates = await nextCandidates(ledger, runId, table, attempt, batch.rows, types, after);
    const last = candidates.at(-1);
    if (!last) break;
    after = last.keyDigest;
    batch.saw(candidates.length, charactersOf(candidates.flatMap(({ source, target }) => [source, target])));
    const readings = await settle(comparison, sides, candidates, context.signal);
    // After the last reading everything that stands still has settled anyway.
    const proven =
      attempt > attempts ? [] : await provenSettled(comparison, sides, horizons, readings, attempt > 1, context.signal);
    const changed = readings.filter(({ difference, moving }, i) => {
      return difference === null || moving || candidates[i]?.moving === true;
    });
    await recordReadings(ledger, runId, table, attempt, changed);
    await settleProven(ledger, runId, table, attempt, proven);
    read += candidates.length;
    context.report({ read });
  }
  return { open: await countOpenCandidates(ledger, runId, table) };
}

export async function countCandidates(resources: Resources, { runId, table }: TableStep) {
  return { open: await countOpenCandidates(await resources.ledger(), runId, table) };
}

const KEY_REPEATS = 'the key repeats on one side: equal rows were counted, and what differs is not corrected';

const PORTABLE =
  "hashed by SHA-256 of the values' text, which is slower: the two servers hash the same value differently";

/** Turns what has settled into findings, and says how the table stands. */
export async function aggregateTable(resources: Resources, { runId, table }: TableStep): Promise<TableSummary> {
  const ledger = await resources.ledger();
  const { notes: shapeNotes, key, pair, hash } = await resources.comparison(runId, table);
  await updateTablePhase(ledger, runId, table, 'aggregating');
  const { transient, unsettled } = await closeCandidates(ledger, runId, table, pair.settle.attempts + 1);
  await insertSettledFindings(ledger, runId, table);
  const findings = await countFindings(ledger, runId, table);
  const totals = await totalChunks(ledger, runId, table);
  const chunks = await countChunks(ledger, runId, table);
  const failed = await listFailedChunks(ledger, runId, table);
  if (chunks === 0) throw new TrueupError('INTERNAL', `run ${runId}, table ${table}: no chunk was planned`);
  const found = Object.values(findings).some((n) => n > 0) || unsettled > 0;
  const status = failed.length > 0 ? 'incomplete' : found ? 'inconsistent' : 'consistent';
  const repeats = key.length > 0 && (await isCounted(ledger, runId, table)) ? [KEY_REPEATS] : [];
  const early = await countSettledBefore(ledger, runId, table, pair.settle.attempts + 1);
  const notes = [
    ...shapeNotes,
    ...(hash === 'portable' ? [PORTABLE] : []),
    ...repeats,
    ...settleNotes(early, pair),
    ...failureNotes(failed, chunks - totals.done, chunks),
  ];
  await endTable(ledger, runId, table, { status, ...totals, transient, unsettled, notes });
  return {
    name: table,
    status,
    phase: 'done',
    rowsSource: totals.rowsSource,
    rowsTarget: totals.rowsTarget,
    chunks,
    chunksDone: totals.done,
    findings,
    transient,
    unsettled,
    hash,
    notes,
  };
}

function settleNotes(early: number, { settle: { delayMs, attempts } }: TablePair): readonly string[] {
  if (early === 0) return [];
  const seconds = (delayMs * attempts) / 1000;
  return [
    `${early} differences needed no further reading: their rows were proven unchanged for the ${seconds} s of settling`,
  ];
}

/** Chunk numbers only: the bounds are keys, which stay in the ledger. */
function failureNotes(
  failed: readonly { readonly no: number; readonly code: string }[],
  count: number,
  chunks: number,
) {
  if (failed.length === 0) return [];
  const codes = [...new Set(failed.map(({ code }) => code))].join(', ');
  const numbers = failed.slice(0, 20).map(({ no }) => String(no));
  const more = count > 20 ? ` and ${count - 20} more` : '';
  return [
    `${count} of ${chunks} chunks were not compared (${codes}): chunks ${numbers.join(', ')}${more}; their key ranges stand in the ledger's table chunk`,
  ];
}
