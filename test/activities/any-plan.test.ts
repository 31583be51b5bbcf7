import fc from 'fast-check';
import { leaveOut, rejectPlan } from '../../activities/correct';
import { TrueupError } from '../../contracts/errors';
import { CorrectionRun } from '../support/correction-run';
import {
  asLists,
  faultsOf,
  faultsOfPlan,
  leftOutBy,
  rowNameOf,
  snapshotOf,
  unexplained,
  wantedUndo,
  type Applied,
  type Image,
  type Outcome,
} from '../support/correction-oracle';
import type { TextRow } from '../support/database';
import {
  configOf,
  ddlOf,
  generatedCorrections,
  nameOf,
  sqlOf,
  type Edit,
  type GeneratedCorrections,
} from '../support/generated-corrections';
import { cases } from '../support/runs';

jest.setTimeout(300_000 * cases(1));

const CASES = 40;

describe('whatever the tables, the plan, its approval and what happens meanwhile', () => {
  let run: CorrectionRun;
  let runs = 0;
  const seen = new Map<string, number>();
  const count = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
  beforeAll(async () => {
    run = await CorrectionRun.create('any_plan');
  });
  afterAll(() => run.drop());

  async function edit(generated: GeneratedCorrections, edits: readonly Edit[]): Promise<void> {
    for (const one of edits) await run[one.side].query(sqlOf(generated, one)).catch(() => undefined);
  }

  async function outcomesOf(runId: string): Promise<readonly Outcome[]> {
    const rows = await run.target.query(
      'select seq, status, error from trueup.correction_log where run_id = $1 order by seq',
      [runId],
    );
    return rows as unknown as readonly Outcome[];
  }

  async function imagesOf(runId: string): Promise<readonly Image[]> {
    const rows = await run.target.query(
      'select seq, before_row, after_row from trueup.before_image where run_id = $1 order by seq',
      [runId],
    );
    const parse = (json: string | null | undefined) => JSON.parse(json ?? 'null') as TextRow | null;
    return rows.map((row) => ({
      seq: row['seq'] ?? '',
      before: parse(row['before_row']),
      after: parse(row['after_row']),
    }));
  }

  /** Applies as Temporal does where the server ends sessions: what fails is tried again. */
  async function applyThroughAll(runId: string, digest: string, brokenOffMs: readonly number[]): Promise<void> {
    for (const afterMs of brokenOffMs) {
      const ended = run.apply(runId, digest).then(
        () => null,
        (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
      );
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, afterMs))]);
      await run.target.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name = 'trueup'
          order by state = 'idle', random() limit 1`,
      );
      const error = await ended;
      if (error === null) return;
      if (!(error instanceof TrueupError && error.retryable)) throw error;
      count('broken off');
    }
    for (let tries = 0; ; tries += 1) {
      try {
        return void (await run.apply(runId, digest));
      } catch (error) {
        // Sessions that were ended in the pool may fail the next few attempts.
        if (!(error instanceof TrueupError && error.retryable) || tries === 10) throw error;
      }
    }
  }

  it('the target holds what was planned, approved and not stale, and undo gives it back', async () => {
    const seed = Number(process.env['TRUEUP_TEST_SEED'] ?? 20_261_123);
    await fc.assert(
      fc.asyncProperty(generatedCorrections(), async (generated) => {
        const tables = generated.tables.map((_, i) => nameOf(i));
        await run.reset(configOf(generated));
        await run.source.query(ddlOf(generated, 'source'));
        await run.target.query(ddlOf(generated, 'target'));
        const snapshot = async () => ({
          source: await snapshotOf(run.source, tables),
          target: await snapshotOf(run.target, tables),
        });

        const planned = await snapshot();
        const runId = await run.compare(`any-plan-${(runs += 1)}`);
        const plan = await run.freeze(runId);
        const items = await run.plan(runId);
        expect(faultsOfPlan(generated, items, planned)).toEqual([]);

        await edit(generated, generated.beforeApply);
        const before = await snapshot();
        const { approved } = generated;
        if (approved === null && plan.needsApproval) {
          await rejectPlan(run.resources, { runId });
          expect(await snapshot()).toEqual(before);
          expect(await outcomesOf(runId)).toEqual([]);
          count('rejected');
          return;
        }
        const leftOut = approved === null ? new Set<string>() : leftOutBy(approved, items);
        if (approved !== null) {
          expect(await leaveOut(run.resources, { runId, scope: approved })).toBe(leftOut.size);
        }
        await applyThroughAll(runId, plan.digest, generated.brokenOffMs);
        const after = await snapshot();
        expect(after.source).toEqual(before.source);
        const applied: Applied = {
          items,
          outcomes: await outcomesOf(runId),
          images: await imagesOf(runId),
          planned: planned.target,
          before: before.target,
          after: after.target,
          source: { planned: planned.source, now: before.source },
        };
        expect(faultsOf(applied, leftOut)).toEqual([]);
        expect(await unexplained(run.target, applied)).toEqual([]);
        applied.outcomes.forEach(({ status }) => count(status));
        if (leftOut.size > 0) count('left out');
        if (items.some(({ effectOf }) => effectOf !== undefined)) count('effects');
        if (applied.images.length === 0) return;
        await undoAll(generated, runId, applied);
      }),
      {
        seed,
        ...(process.env['TRUEUP_TEST_PATH'] === undefined ? {} : { path: process.env['TRUEUP_TEST_PATH'] }),
        numRuns: cases(CASES),
        // A smaller example is worth minutes only to whoever looks for it.
        endOnFailure: process.env['TRUEUP_TEST_SHRINK'] === undefined,
      },
    );
    expect(runs).toBe(cases(CASES));
    // Each of these came up, or nothing was shown of it.
    const kinds = ['FAILED', 'SKIPPED_STALE', 'SUCCESS', 'broken off', 'effects', 'left out', 'undo SUCCESS'];
    expect(kinds.filter((kind) => !seen.has(kind))).toEqual([]);
  });

  /** Takes back what was applied, after further edits: rows that those changed stay, the others are as they were. */
  async function undoAll(generated: GeneratedCorrections, undoOf: string, applied: Applied): Promise<void> {
    const tables = [...applied.after.keys()];
    await edit(generated, generated.beforeUndo);
    const before = await snapshotOf(run.target, tables);
    const wanted = wantedUndo(applied, before);
    if (wanted.undone.size + wanted.refused.size === 0) {
      await expect(run.undo(undoOf)).rejects.toMatchObject({ code: 'RUN_NOT_UNDOABLE' });
      return;
    }
    await run.undo(undoOf);
    const [{ run_id: runId } = {}] = await run.target.query('select run_id from trueup.run where undo_of = $1', [
      undoOf,
    ]);
    const items = await run.plan(runId ?? '');
    const outcomes = await outcomesOf(runId ?? '');
    const isPlanned = ({ seq }: Outcome) => items.some((item) => item.seq === seq);
    expect(new Set(items.map(rowNameOf))).toEqual(wanted.undone);
    expect(outcomes.filter((outcome) => !isPlanned(outcome)).map(({ status }) => status)).toEqual(
      Array.from(wanted.refused, () => 'SKIPPED_STALE'),
    );
    const after = await snapshotOf(run.target, tables);
    const undone: Applied = {
      items,
      outcomes: outcomes.filter(isPlanned),
      images: await imagesOf(runId ?? ''),
      planned: before,
      before,
      after,
      source: null,
    };
    expect(faultsOf(undone, new Set())).toEqual([]);
    expect(await unexplained(run.target, undone)).toEqual([]);
    undone.outcomes.forEach(({ status }) => count(`undo ${status}`));
    if (wanted.refused.size > 0) count('undo refused');
    // Where nobody else changed anything, all of it is as it was.
    if (JSON.stringify(asLists(before)) === JSON.stringify(asLists(applied.after)))
      expect(after).toEqual(applied.before);
  }
});
