import type { Comparison } from '../contracts/comparison';
import { TrueupError } from '../contracts/errors';
import type { PlanItem } from '../contracts/plan-item';
import { COUNTERS_NOW, countersNow, type Counters } from '../database/change-counters';
import type { Queryable } from '../database/connection';
import { DatabaseFailure } from '../database/failure';
import type { ApplyContext, CorrectionOutcome } from './apply-context';
import { applyEffects, confirmEffects } from './effect-apply';
import { checkEffects } from './effect-check';
import { withDefaultPath } from './default-path';
import { checkFreshness, type Freshness } from './freshness';
import { keyText, keyValues } from './key';
import { checkKeyChanges, confirmKeyChanges } from './key-change';
import { concernsRows, isLocked, isTriedAgain, LOCK_TIMEOUT, refused, SHORT_LOCK_TIMEOUT } from './refusal';
import { failedAlike, probes } from './one-cause';
import { confirmWritten } from './read-back';
import { readRows } from './row';
import { RowsRefused } from './rows-refused';
import { NothingBeside, SideEffectFailure } from './side-effects';
import { correctionStatements } from './statement';

export type { ApplyContext, CorrectionOutcome, EffectPlan, MarkerStore } from './apply-context';

/**
 * Applies corrections of one table and one operation, in one transaction where that works. A batch that the database
 * refuses is split until the rows at fault stand alone. Rows that did not come out as planned are known, and left out at
 * once. Applied again after a crash, it finds its own markers.
 *
 * @throws what may pass by itself (a lost connection, a deadlock that persists); nothing of the batch at hand is
 *   written then.
 */
export async function applyBatch(
  context: ApplyContext,
  items: readonly PlanItem[],
  signal?: AbortSignal,
  lockTimeout = LOCK_TIMEOUT,
  leftOut = 0,
): Promise<readonly CorrectionOutcome[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const outcomes = await applyTogether(context, items, lockTimeout, signal);
      if (outcomes.some(({ status }) => status === 'SUCCESS')) context.oneCause?.made();
      return outcomes;
    } catch (error) {
      if (!(error instanceof DatabaseFailure)) throw error;
      if (isTriedAgain(error, attempt)) continue;
      if (!concernsRows(error)) throw error;
      const wrong = error instanceof RowsRefused ? failedOf(items, error) : [];
      const others = wrong.length === 0 ? items : items.filter(({ seq }) => !wrong.some((each) => each.seq === seq));
      if (others.length === 0) return wrong;
      if (wrong.length > 0 && leftOut < MOST_LEFT_OUT) {
        return [...wrong, ...(await applyBatch(context, others, signal, lockTimeout, leftOut + 1))];
      }
      const [only] = others;
      if (wrong.length === 0 && items.length === 1 && only) {
        if (error instanceof SideEffectFailure) context.oneCause?.refused(error);
        return [refused(only, error, context.comparison)];
      }
      if (error instanceof SideEffectFailure && context.oneCause?.explains(error)) {
        return applyAlike(context, items, error, signal, lockTimeout);
      }
      const half = Math.ceil(others.length / 2);
      const wait = isLocked(error) ? SHORT_LOCK_TIMEOUT : lockTimeout;
      const first = await applyBatch(context, others.slice(0, half), signal, wait);
      return [...wrong, ...first, ...(await applyBatch(context, others.slice(half), signal, wait))];
    }
  }
}

/**
 * Corrections that failed together for what every row before them failed for alone: a few more are tried alone, and where
 * those fail likewise, the others are taken to.
 */
async function applyAlike(
  context: ApplyContext,
  items: readonly PlanItem[],
  error: SideEffectFailure,
  signal: AbortSignal | undefined,
  lockTimeout: string,
): Promise<readonly CorrectionOutcome[]> {
  const alone = probes(items);
  const outcomes: CorrectionOutcome[] = [];
  for (const item of alone) outcomes.push(...(await applyBatch(context, [item], signal, lockTimeout)));
  const others = items.filter((item) => !alone.includes(item));
  if (others.length === 0) return outcomes;
  if (context.oneCause?.explains(error)) return [...outcomes, ...failedAlike(others, error)];
  return [...outcomes, ...(await applyBatch(context, others, signal, lockTimeout))];
}

/** How often wrong rows are left out of one batch, before it is split. */
const MOST_LEFT_OUT = 3;

function failedOf(items: readonly PlanItem[], { reasons, mayPass }: RowsRefused): CorrectionOutcome[] {
  return items.flatMap(({ seq }): CorrectionOutcome[] => {
    const error = reasons.get(seq);
    return error === undefined ? [] : [{ seq, status: 'FAILED', error, mayPass }];
  });
}

async function applyTogether(
  context: ApplyContext,
  items: readonly PlanItem[],
  lockTimeout: string,
  signal?: AbortSignal,
): Promise<readonly CorrectionOutcome[]> {
  const { sides, markers } = context;
  return sides.target.database.withTransaction(
    'read write',
    async (session) => {
      const beside = new NothingBeside(await takeTurn(session, context.runId, lockTimeout), context.sideEffects);
      const done = await markers.done(
        session,
        items.map((item) => item.seq),
      );
      const outcomes: CorrectionOutcome[] = items
        .filter((item) => done.has(item.seq))
        .map((item) => ({ seq: item.seq, status: 'SUCCESS', error: null, mayPass: false }));
      const open = items.filter((item) => !done.has(item.seq));
      const { target, source, fresh, stale } = await checkFreshness(session, context, open, signal);
      outcomes.push(...stale);
      const isDelete = items[0]?.operation === 'delete' && context.cascades.length > 0;
      const unplanned = isDelete ? await checkEffects(session, context, fresh) : new Map<string, never>();
      const isUpdate = items[0]?.operation === 'update' && context.keyChanges.length > 0;
      const changing = isUpdate ? await checkKeyChanges(session, context, fresh) : new Map<string, never>();
      const ready = fresh.filter(({ seq }) => !unplanned.has(seq) && !changing.has(seq));
      for (const [seq, { status, error }] of unplanned) {
        outcomes.push({ seq, status, error, mayPass: status === 'FAILED' });
      }
      // Rows that refer to the old value may be corrected later, or in one transaction with it.
      for (const [seq, error] of changing) outcomes.push({ seq, status: 'FAILED', error, mayPass: true });
      const causes = isDelete ? ready.map(({ seq }) => seq) : [];
      await applyEffects(session, context, causes, beside);
      await change(context, session, ready, { target, source });
      await confirmEffects(session, context, causes);
      if (items[0]) beside.expect(context.comparison.pair, items[0].operation, ready.length);
      await beside.confirm(session);
      return [...outcomes, ...ready.map((item) => success(item))];
    },
    signal,
  );
}

/**
 * Begins to correct: waits for whoever corrects for the same run, and limits how long others are waited for. Returns what
 * the session has changed so far.
 */
export async function takeTurn(session: Queryable, runId: string, lockTimeout = LOCK_TIMEOUT): Promise<Counters> {
  // An attempt that was given up may still be running on another worker: the two take turns, however long it takes.
  await session.query('select pg_advisory_xact_lock(hashtextextended($1, 1))', [runId]);
  const { rows } = await session.query<{ counters: string }>(
    `select set_config('lock_timeout', $1, true), ${COUNTERS_NOW} as counters`,
    [lockTimeout],
  );
  return countersNow(session, rows[0]?.counters ?? '');
}

function success(item: PlanItem): CorrectionOutcome {
  return { seq: item.seq, status: 'SUCCESS', error: null, mayPass: false };
}

async function change(
  context: ApplyContext,
  session: Queryable,
  items: readonly PlanItem[],
  { target: before, source }: Pick<Freshness, 'target' | 'source'>,
): Promise<void> {
  if (items.length === 0) return;
  const { comparison, sides, markers } = context;
  const isDelete = items[0]?.operation === 'delete';
  let changed = 0;
  await withDefaultPath(
    session,
    async () => {
      for (const statement of correctionStatements(comparison, sides.target, items)) {
        const { rowCount } = await session.query(statement.text, [JSON.stringify(statement.rows)]);
        changed += rowCount ?? 0;
      }
      // Constraints that wait for the commit are checked now, while the batch can still be split.
      await session.query('set constraints all immediate');
    },
    comparison,
  );
  const keys = items.map((item) => keyValues(comparison, item.key));
  const after = await readRows(session, comparison, sides.target, keys);
  await confirmWritten(session, { comparison, side: sides.target, items, before, source, after });
  // Deleting rows may take others of the batch with it, before their turn came: all are gone, as was seen.
  if (changed !== items.length && !isDelete) throw standsInTheWay(comparison, items.length, changed);
  if (items[0]?.operation === 'update') confirmKeyChanges(context, items, before, after);
  await markers.add(
    session,
    items.map((item, i) => {
      const key = keyText(keys[i] ?? []);
      return {
        seq: item.seq,
        operation: item.operation,
        key: item.key,
        before: before.get(key)?.values ?? null,
        after: after.get(key)?.values ?? null,
      };
    }),
  );
}

function standsInTheWay({ pair }: Comparison, rows: number, changed: number): DatabaseFailure {
  return new DatabaseFailure(
    'DATABASE_ERROR',
    `table ${pair.name}: ${rows} rows were to change, ${changed} did`,
    'P0001',
    `${rows} row(s) were to change, ${changed} did: a trigger, a rule or row security stands in the way`,
  );
}

/** Guards against a comparison that cannot tell one target row from another. */
export function assertCorrectable(comparison: Comparison): void {
  // Without a key nothing is corrected.
  if (comparison.key.length === 0 || comparison.keyProven.target) return;
  throw new TrueupError(
    'KEY_UNUSABLE',
    `table ${comparison.pair.name}: no unique constraint in the target covers the key, so a correction could hit more than one row`,
  );
}
