import type { PlanItem } from '../contracts/plan-item';
import type { TextRow } from '../contracts/finding';
import { DatabaseFailure, type Violation } from '../database/failure';
import { takeTurn } from './apply';
import type { CorrectionOutcome } from './apply-context';
import { keysFrom, keysInto, rowAfter, rowBefore, valuesIn } from './joined';
import { Joint, type JointContext } from './joint-transaction';
import { concernsRows, isLocked, isTriedAgain, LOCK_TIMEOUT, reasonOf, SHORT_LOCK_TIMEOUT } from './refusal';
import { RowsRefused } from './rows-refused';

const MOST_TRIES = 100;

/**
 * Makes corrections that need each other in one transaction: rows that refer to each other in a ring, and rows that swap
 * unique values. Constraints that can wait do; of others a reference is NULL and a unique value another for a moment, none
 * of which anybody else sees. All are made, or none; what is found to be in the way is left out and the rest tried again.
 * Returns an outcome for each that is settled, or that failed with the others or in their company, which another pass may
 * still make. Other rows that are left out have none.
 *
 * @param search where the database does not say what is in the way: whether to look for it, by leaving out parts.
 */
export async function applyJoined(
  context: JointContext,
  group: readonly PlanItem[],
  { search = false, lockTimeout = LOCK_TIMEOUT }: { readonly search?: boolean; readonly lockTimeout?: string } = {},
): Promise<readonly CorrectionOutcome[]> {
  const tried = await applyMost(context, group, lockTimeout);
  if (!search || !tried.unexplained) return tried.outcomes;
  const { items } = tried;
  let tries = 0;
  for (let size = items.length; size > 1;) {
    size = Math.ceil(size / 2);
    for (let at = 0; at < items.length && tries < MOST_TRIES; at += size, tries += 1) {
      const others = [...items.slice(0, at), ...items.slice(at + size)];
      const { outcomes } = await applyMost(context, others, SHORT_LOCK_TIMEOUT);
      if (outcomes.some(({ status }) => status === 'SUCCESS')) return outcomes.filter(({ mayPass }) => !mayPass);
    }
  }
  return tried.outcomes;
}

interface Tried {
  readonly outcomes: readonly CorrectionOutcome[];
  /** What was tried at the end. */
  readonly items: readonly PlanItem[];
  /** Whether these failed as a whole, and it was not said which of them is the reason. */
  readonly unexplained: boolean;
}

async function applyMost(context: JointContext, group: readonly PlanItem[], lockTimeout: string): Promise<Tried> {
  let items = group;
  const refused: CorrectionOutcome[] = [];
  let attempt = 0;
  for (let tries = 0; items.length > 1 && tries < MOST_TRIES; tries += 1) {
    attempt += 1;
    try {
      const outcomes = [...refused, ...(await applyOnce(context, items, lockTimeout))];
      return { outcomes, items, unexplained: false };
    } catch (error) {
      if (!(error instanceof DatabaseFailure)) throw error;
      if (isTriedAgain(error, attempt)) continue;
      if (!concernsRows(error)) throw error;
      attempt = 0;
      if (error instanceof RowsRefused) {
        const { reasons, mayPass } = error;
        for (const [seq, error] of reasons) refused.push({ seq, status: 'FAILED', error, mayPass });
        items = items.filter(({ seq }) => !reasons.has(seq));
        continue;
      }
      const blamed = new Set(blamedFor(context, items, error.violation));
      if (blamed.size === 0 || blamed.size === items.length) {
        const outcomes = [...refused, ...items.map(({ seq }) => failed(seq, items, error))];
        return { outcomes, items, unexplained: !isLocked(error) };
      }
      items = items.filter((item) => !blamed.has(item));
    }
  }
  return { outcomes: refused, items, unexplained: false };
}

function failed(seq: string, items: readonly PlanItem[], error: DatabaseFailure): CorrectionOutcome {
  const why = reasonOf(error, items);
  const together = `tried in one transaction with ${items.length - 1} row(s) that it needs or that need it: ${why}`;
  return { seq, status: 'FAILED', error: together, mayPass: true };
}

/** Which items a violated constraint tells of, by the values that it quotes: `Key (a, b)=(1, 2) …`. */
function blamedFor(
  context: JointContext,
  items: readonly PlanItem[],
  violation: Violation | null,
): readonly PlanItem[] {
  const quoted = /\((.*)\)=\((.*)\)/s.exec(violation?.detail ?? '');
  if (!violation || !quoted) return [];
  return items.filter((item) => {
    const ties = context.tables.get(item.table)?.ties;
    if (!ties) return false;
    const named = ({ name }: { readonly name: string }) => name === violation.constraint;
    const child = keysFrom(ties).find(named)?.child.columns;
    const parent = keysInto(ties).find(named)?.parent.columns;
    const holds = (row: TextRow | null, columns: readonly string[] | undefined) =>
      columns !== undefined &&
      valuesIn(row, columns) !== null &&
      columns.map((name) => row?.[name]).join(', ') === quoted[2];
    const isAt = ties.target.schema === violation.schema && ties.target.table === violation.table;
    if (child && isAt && holds(rowAfter(item), child)) return true;
    if (parent && holds(rowBefore(item), parent) && !holds(rowAfter(item), parent)) return true;
    return isAt && holds(rowAfter(item), ties.uniqueKeys.find(named)?.columns);
  });
}

async function applyOnce(
  context: JointContext,
  items: readonly PlanItem[],
  lockTimeout: string,
): Promise<readonly CorrectionOutcome[]> {
  return context.target.withTransaction('read write', async (session) => {
    const counters = await takeTurn(session, context.runId, lockTimeout);
    const joint = new Joint(session, context, items, counters);
    const done = await joint.done();
    const open = items.filter(({ seq }) => !done.has(seq));
    const stale = await joint.checkFreshness(open);
    // Whoever needs a row that is not as it was has to be looked at anew.
    if (stale.length > 0) return [...success(done), ...stale];
    await joint.checkKeyChanges(open);
    await joint.apply(open);
    return success(new Set(items.map(({ seq }) => seq)));
  });
}

function success(seqs: ReadonlySet<string>): readonly CorrectionOutcome[] {
  return [...seqs].map((seq) => ({ seq, status: 'SUCCESS', error: null, mayPass: false }));
}
