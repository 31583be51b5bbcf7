import { createHash } from 'node:crypto';
import { MODES, type CheckFinding, type CheckRef, type CheckSummary } from '../contracts/check';
import { TrueupError } from '../contracts/errors';
import type { TableSummary } from '../contracts/run';
import type { RunConfig } from '../contracts/table-pair';
import * as checks from '../ledger/check';
import { readDecision } from '../ledger/decision';
import { unconfirmedReadings } from '../ledger/replay';
import { readTableSummary } from '../ledger/report';
import { endUncompared, readRunConfig, weighTable } from '../ledger/run';
import { CHECKS } from './checks';
import { pairsOf, type CheckRun } from './checks/check';
import { afterReading, beforeReading, type Both } from './replay';
import { measureFindings } from './measure';
import type { Resources } from './resources';
import type { StepContext } from './step';

export interface CheckStep extends CheckRef {
  readonly runId: string;
}

const FINDINGS_AT_ONCE = 500;
/** The number of the reading after the corrections: none before it comes so far. */
const RECHECK = 1_000;

/** Reads once what a check is about, and enters what it sees. */
export async function readCheck(
  resources: Resources,
  { runId, reading, ...check }: CheckStep & { readonly reading: number },
  context: StepContext,
): Promise<{ readonly open: number; readonly moving: number; readonly settles: boolean }> {
  const ledger = await resources.ledger();
  const { check: look, settles } = CHECKS[check.kind];
  const config = await readRunConfig(ledger, runId);
  if (!config) throw new TrueupError('RUN_NOT_FOUND', `no run ${runId} in the ledger`);
  const run: CheckRun = { resources, ledger, runId, config, context };
  await checks.beginReading(ledger, runId, check, reading);
  const both = settles && reading < RECHECK ? bothOf(resources, config, check) : null;
  const subject = { runId, ...check };
  if (both) await beforeReading(ledger, both, subject, reading, reading > 1, context);
  const pages = look(run, check.subject);
  let seen = 0;
  try {
    for (;;) {
      const page = await pages.next();
      if (page.done) {
        await checks.noteOutcome(ledger, runId, check, page.value);
        break;
      }
      for (let at = 0; at < page.value.length; at += FINDINGS_AT_ONCE) {
        context.signal.throwIfAborted();
        const some = page.value.slice(at, at + FINDINGS_AT_ONCE).map(digested(check));
        await checks.enterCheckCandidates(ledger, runId, check, reading, some);
      }
      seen += page.value.length;
      context.report({ seen });
    }
  } finally {
    // Where the ledger fails, what the check holds open is to be closed.
    await pages.return({ detail: '' }).catch(() => undefined);
  }
  const counted = await checks.countReading(ledger, runId, check, reading);
  if (!both || counted.open === 0) return { ...counted, settles };
  await afterReading(ledger, both, subject, reading, context.signal);
  const unconfirmed = (await unconfirmedReadings(ledger, subject)).readings;
  return { ...counted, moving: await checks.countMoving(ledger, runId, check, reading, unconfirmed), settles };
}

/** The databases that a check reads; null: it is not known. */
function bothOf(resources: Resources, config: RunConfig, { kind, subject }: CheckRef): Both | null {
  const ofTable = pairsOf(config).find(({ name }) => name === subject);
  const sides =
    kind === 'rules'
      ? config.rules?.find(({ name }) => name === subject)
      : ofTable && { source: ofTable.source.connection, target: ofTable.target.connection };
  if (!sides) return null;
  return { source: resources.database(sides.source, 'source'), target: resources.database(sides.target, 'target') };
}

const digested =
  ({ kind, subject }: CheckRef) =>
  (finding: CheckFinding): checks.DigestedFinding => {
    const key = Object.entries(finding.key).sort(([a], [b]) => (a < b ? -1 : 1));
    const text = JSON.stringify([kind, subject, finding.about, key]);
    return { ...finding, digest: createHash('sha256').update(text).digest('hex') };
  };

/** Ends a check: by what its last reading saw, or as incomplete where it failed. */
export async function endCheck(
  resources: Resources,
  {
    runId,
    reading,
    error,
    ...check
  }: CheckStep & {
    readonly reading: number;
    readonly error: { readonly code: string; readonly message: string } | null;
  },
): Promise<CheckSummary> {
  const ledger = await resources.ledger();
  if (error) await checks.failCheck(ledger, runId, check, error);
  else {
    const { settles } = CHECKS[check.kind];
    await ledger.withTransaction('read write', async (session) => {
      const unconfirmed = settles ? (await unconfirmedReadings(session, { runId, ...check })).readings : [];
      await checks.endCheck(session, runId, check, { reading, settles, unconfirmed });
    });
  }
  await measureFindings(resources, runId, check.subject);
  const all = await checks.listChecks(ledger, runId, check.subject);
  const summary = all.find(({ kind }) => kind === check.kind);
  if (!summary) throw new TrueupError('INTERNAL', `run ${runId}: no check ${check.kind} of ${check.subject}`);
  return summary;
}

/** How a table stands after its checks, be its rows compared or not. */
export async function closeTable(
  resources: Resources,
  { runId, table }: { readonly runId: string; readonly table: string },
): Promise<TableSummary> {
  const ledger = await resources.ledger();
  const { failed, incomplete, rows } = await checks.weighChecks(ledger, runId, table);
  const mode = (await readRunConfig(ledger, runId))?.mode ?? 'full';
  if (MODES[mode].rows === null) {
    const status = incomplete ? 'incomplete' : failed ? 'inconsistent' : 'consistent';
    await endUncompared(ledger, runId, table, { status, rows: rows ?? null });
  } else if (failed) {
    await weighTable(ledger, runId, table);
  }
  return readTableSummary(ledger, runId, table);
}

/** Looks again, after the corrections, for what the checks had found: what is gone is resolved. Returns how many looked. */
export async function recheck(
  resources: Resources,
  { runId }: { readonly runId: string },
  context: StepContext,
): Promise<{ readonly rechecked: number }> {
  const ledger = await resources.ledger();
  const kinds = Object.entries(CHECKS).flatMap(([kind, rules]) => (rules.rechecks ? [kind] : []));
  const found = await checks.listToRecheck(ledger, runId, kinds);
  const approved = (await readDecision(ledger, runId))?.decision === 'approve';
  for (const check of found) {
    await readCheck(resources, { runId, ...check, reading: RECHECK }, context);
    await ledger.withTransaction('read write', (session) =>
      checks.resolveRechecked(session, runId, check, { reading: RECHECK, approved }),
    );
  }
  return { rechecked: found.length };
}
