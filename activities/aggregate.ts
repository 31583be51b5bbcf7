import type { KeyColumn } from '../contracts/comparison';
import { TrueupError } from '../contracts/errors';
import { comparedIn, type TableSummary } from '../contracts/run';
import { estimateText } from '../contracts/sample';
import type { TablePair } from '../contracts/table-pair';
import type { Queryable } from '../database/connection';
import { unaskedSpellings } from '../engine/same-row';
import { closeCandidates } from '../ledger/candidate';
import { countChunks, isCounted, listFailedChunks, totalChunks } from '../ledger/chunk';
import { countFindings, insertSettledFindings } from '../ledger/finding';
import { countKept, markKept } from '../ledger/kept';
import { readRowsCompared } from '../ledger/rows-compared';
import { endTable, readRunConfig, updateTablePhase } from '../ledger/run';
import { countSettledBefore } from '../ledger/settled';
import { refreshStatistics } from '../ledger/statistics';
import { readUnread } from '../ledger/unread';
import type { TableStep } from './compare';
import { measureDrift, measureFindings } from './measure';
import { estimateTable } from './estimate';
import { holdOneKey } from './one-key';
import type { Resources } from './resources';

const KEY_REPEATS = 'the key repeats on one side: equal rows were counted, and what differs is not corrected';

const PORTABLE =
  "hashed by SHA-256 of the values' text, which is slower: the two servers hash the same value differently";

/** Turns what has settled into findings, and says how the table stands. */
export async function aggregateTable(resources: Resources, { runId, table }: TableStep): Promise<TableSummary> {
  const ledger = await resources.ledger();
  const { notes: shapeNotes, key, pair, hash } = await resources.comparison(runId, table);
  await updateTablePhase(ledger, runId, table, 'aggregating');
  const unread = await readUnread(ledger, runId, table);
  const { transient, unsettled, unreplayed } = await closeCandidates(
    ledger,
    runId,
    table,
    await unaskedTypes(ledger, runId, table, key),
  );
  if (unread === null) await holdOneKey(resources, { runId, table });
  await insertSettledFindings(ledger, runId, table);
  await markKept(ledger, runId, table);
  const findings = await countFindings(ledger, runId, table);
  const found = Object.values(findings).reduce((sum, n) => sum + n, 0);
  await refreshStatistics(ledger, 'reconciliation_log', found);
  const totals = await totalChunks(ledger, runId, table);
  const chunks = await countChunks(ledger, runId, table);
  const failed = await listFailedChunks(ledger, runId, table);
  if (chunks === 0 && !unread) throw new TrueupError('INTERNAL', `run ${runId}, table ${table}: no chunk was planned`);
  const status =
    unread !== null || failed.length > 0 ? 'incomplete' : found + unsettled > 0 ? 'inconsistent' : 'consistent';
  const repeats = key.length > 0 && (await isCounted(ledger, runId, table)) ? [KEY_REPEATS] : [];
  const early = await countSettledBefore(ledger, runId, table, pair.settle.attempts + 1);
  const { rows, note } = await readRowsCompared(ledger, runId, table);
  const estimated =
    rows === 'sample' && failed.length === 0 && !unread
      ? await estimateTable(ledger, runId, table, findings, unsettled)
      : null;
  const notes = [
    ...(unread === null ? [] : [`not compared (${unread.code}): ${unread.message}`]),
    ...shapeNotes,
    ...(note === null ? [] : [note]),
    ...(estimated === null ? [] : [estimateText(estimated)]),
    ...(hash === 'portable' ? [PORTABLE] : []),
    ...repeats,
    ...(unreplayed === undefined ? [] : [unreplayed]),
    ...settleNotes(early, pair),
    ...keptNotes(await countKept(ledger, runId, table)),
    ...failureNotes(failed, chunks - totals.done, chunks),
  ];
  const mode = (await readRunConfig(ledger, runId))?.mode ?? 'full';
  await endTable(ledger, runId, table, { status, ...totals, transient, unsettled, notes });
  await measureFindings(resources, runId, table);
  await measureDrift(resources, runId, table);
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
    ...comparedIn(mode, rows),
    ...(estimated === null ? {} : { estimate: estimated }),
    hash,
    notes,
  };
}

/** The kinds of rows of one side only of which this cannot be told: see {@link unaskedSpellings}. */
async function unaskedTypes(ledger: Queryable, runId: string, table: string, key: readonly KeyColumn[]) {
  const unasked = unaskedSpellings(key);
  if (unasked.length === 0) return [];
  const { rows } = await readRowsCompared(ledger, runId, table);
  return rows === 'changed' || rows === 'sample' ? unasked : [];
}

function settleNotes(early: number, { settle: { delayMs, attempts } }: TablePair): readonly string[] {
  if (early === 0) return [];
  const seconds = (delayMs * attempts) / 1000;
  return [
    `${early} differences needed no further reading: their rows were proven unchanged for the ${seconds} s of settling`,
  ];
}

/** What is kept is still different: the table is not consistent for it, and its reader has to know why. */
function keptNotes(kept: number): readonly string[] {
  if (kept === 0) return [];
  return [`${kept} of the differences are known: a reviewer decided to keep the target as it is`];
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
