import { isErrorCode } from '../contracts/errors';
import type { Difference } from '../contracts/difference';
import type { ChunkLimits } from '../contracts/throttle';
import { compareChunk } from '../engine/compare-chunk';
import { compareKeys } from '../engine/compare-keys';
import { deleteCandidates, insertCandidates } from '../ledger/candidate';
import { beginChunk, countChunks, failChunks, finishChunk, totalChunks, type ChunkTotals } from '../ledger/chunk';
import { updateTablePhase } from '../ledger/run';
import { readUnread } from '../ledger/unread';
import { planRows } from './plan-rows';
import { afterReading, databasesOf } from './replay';
import type { Resources } from './resources';
import type { StepContext } from './step';
import { unlessUnread } from './unread';

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

/** Cuts the rows that the run compares of a table pair into chunks and enters them in the ledger. A retry finds the list. */
export async function planChunks(resources: Resources, { runId, table }: TableStep, context: StepContext) {
  const ledger = await resources.ledger();
  const known = await countChunks(ledger, runId, table);
  if (known > 0) return { chunks: known };
  await updateTablePhase(ledger, runId, table, 'planning');
  if (await readUnread(ledger, runId, table)) return { chunks: 0 };
  const comparison = await resources.comparison(runId, table);
  // Planning reads much of an index, or a sample: it counts among the chunks that the databases bear at once.
  const chunks = await unlessUnread(
    ledger,
    { runId, table },
    () =>
      resources.comparing(comparison, context.signal, () => planRows(resources, { runId, table }, comparison, context)),
    0,
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
        const enter = (differences: readonly Difference[]) =>
          insertCandidates(ledger, runId, table, chunk, differences);
        const result = chunk.keys
          ? await compareKeys(comparison, sides, chunk.keys, enter, context.signal)
          : await compareChunk(comparison, sides, chunk, enter, context.signal);
        if (result.differing > 0) {
          const subject = { runId, kind: 'rows', subject: table } as const;
          await afterReading(ledger, databasesOf(sides), subject, 0, context.signal);
        }
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
