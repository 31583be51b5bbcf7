import type { AuditProblem, AuditSummary } from '../contracts/audit';
import { TrueupError } from '../contracts/errors';
import type { Database, Queryable } from '../database/connection';
import { auditChain } from './audit-chain';
import { auditImages, streamImages } from './audit-images';
import { auditPlan } from './audit-plan';
import { auditSideEffects } from './audit-side-effects';
import { readAuditedRun, type AuditedRun } from './audited-run';
import { imagePlacesOf } from './purge';
import { purgedText } from './purged';

export interface AuditOptions {
  /** The digest of an entry that was kept elsewhere, in hex; null: none was. */
  readonly head: string | null;
  /** Opens a target; throws where it cannot. */
  readonly target: (connection: string) => Database;
  /** Is told each problem, and waited for. */
  readonly onProblem: (problem: AuditProblem) => Promise<void>;
}

/**
 * Holds everything that the ledger says of a run against itself and against what the targets keep of it, as of one
 * moment. It reads in pages, and only; whatever it finds it goes on.
 *
 * @throws RUN_NOT_FOUND, and what keeps the ledger itself from being read.
 */
export async function auditRun(ledger: Database, runId: string, options: AuditOptions): Promise<AuditSummary> {
  return ledger.withTransaction('repeatable read, read only', async (session) => {
    // Whoever reads the problems may take their time.
    await session.query(`select set_config('idle_in_transaction_session_timeout', '0', true)`);
    // Everything is read once. What a planner without statistics takes for a few rows it would look through row by row.
    await session.query(`select set_config('enable_nestloop', 'off', true)`);
    const run = await readAuditedRun(session, runId);
    if (!run) throw new TrueupError('RUN_NOT_FOUND', `no run ${runId} in the ledger`);
    let problems = 0;
    const report = async (found: AsyncIterable<AuditProblem>) => {
      for await (const problem of found) {
        problems += 1;
        await options.onProblem(problem);
      }
    };
    await report(auditChain(session, run, options.head));
    if (run.purged !== 'findings') await report(auditPlan(session, run));
    const images =
      run.purged === null ? await checkImages(session, run, options, report) : { images: null, unchecked: [] };
    const { corrections, decisions, planned } = await countEntries(session, runId);
    return {
      runId,
      status: run.status,
      ended: run.ended,
      chain: run.chain,
      checked: {
        corrections,
        decisions,
        planned: run.purged === 'findings' ? null : planned,
        images: images.images,
      },
      notes: notesOf(run),
      unchecked: images.unchecked,
      problems,
    };
  });
}

/** The before-images, and what was changed beside the plan; where a target cannot be read, the reason instead. */
async function checkImages(
  session: Queryable,
  run: AuditedRun,
  options: AuditOptions,
  report: (found: AsyncIterable<AuditProblem>) => Promise<void>,
): Promise<{ readonly images: number | null; readonly unchecked: readonly string[] }> {
  const places = imagePlacesOf(run.config);
  const seen = { images: 0 };
  const within = async (open: readonly Queryable[]): Promise<void> => {
    const place = places[open.length];
    if (place) {
      await options
        .target(place.connection)
        .withTransaction('repeatable read, read only', (target) => within([...open, target]));
      return;
    }
    const streams = [];
    for (const [i, target] of open.entries()) {
      const { schema = '' } = places[i] ?? {};
      // Where no correction was ever made there is no room for before-images.
      if (await hasImages(target, schema)) streams.push(streamImages(target, schema, run.runId));
    }
    await report(auditImages(session, run, streams, seen));
    const targets = places.flatMap((each, i) => {
      const target = open[i];
      return target ? [{ ...each, session: target }] : [];
    });
    await report(auditSideEffects(session, run, targets));
  };
  try {
    await within([]);
    return { images: seen.images, unchecked: [] };
  } catch (error) {
    if (!(error instanceof TrueupError)) throw error;
    return {
      images: null,
      unchecked: [`the before-images and what was changed beside the plan: ${error.code}: ${error.message}`],
    };
  }
}

async function hasImages(target: Queryable, schema: string): Promise<boolean> {
  const { rows } = await target.query(
    `select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = $1 and c.relname = 'before_image'`,
    [schema],
  );
  return rows.length > 0;
}

async function countEntries(session: Queryable, runId: string) {
  const { rows } = await session.query<Record<'corrections' | 'decisions' | 'planned', string>>(
    `select (select count(*) from correction_log where run_id = $1) as corrections,
            (select count(*) from decision where run_id = $1) as decisions,
            (select count(*) from plan_item where run_id = $1) as planned`,
    [runId],
  );
  const { corrections, decisions, planned } = rows[0] ?? { corrections: '0', decisions: '0', planned: '0' };
  return { corrections: Number(corrections), decisions: Number(decisions), planned: Number(planned) };
}

function notesOf({ ended, status, chained, purged, purge }: AuditedRun): readonly string[] {
  const notes: string[] = [];
  if (!ended) notes.push(`the run is still going (${status}): this is what it has entered so far`);
  if (!chained) {
    notes.push('no chain: the run was begun by an earlier version; an entry that was altered or removed may not show');
  }
  if (purged !== null && purge !== null) {
    const what = purged === 'images' ? 'its before-images were' : 'its corrections, plan and before-images were';
    notes.push(`${what} ${purgedText(purge)}: they cannot be checked`);
  }
  return notes;
}
