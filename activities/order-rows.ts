import { TrueupError } from '../contracts/errors';
import type { Queryable } from '../database/connection';
import { readForeignKeys, type ForeignKey } from '../database/foreign-key';
import { listOrderable, moveReferring } from '../ledger/row-order';
import { readComparison } from '../ledger/run';
import type { Resources } from './resources';
import type { StepContext } from './step';

/** References in a row that are followed; what lies deeper, or in a ring, is left to the passes of applying. */
const DEEPEST = 100;

/**
 * Puts rows of a table that refer to others of it in order: inserts after those, deletes before them. In the transaction
 * that makes the plan; returns whether the plan has to be numbered anew.
 */
export async function orderRows(
  resources: Resources,
  session: Queryable,
  runId: string,
  context: StepContext,
): Promise<boolean> {
  const known = new Map<string, readonly ForeignKey[]>();
  let moved = 0;
  for (const { table, operation } of await listOrderable(session, runId)) {
    const comparison = await readComparison(session, runId, table);
    if (!comparison) throw new TrueupError('RUN_NOT_FOUND', `run ${runId} has no table ${table} in the ledger`);
    const { target } = comparison.pair;
    const all =
      known.get(target.connection) ?? (await readForeignKeys(resources.database(target.connection, 'target')));
    known.set(target.connection, all);
    const isHere = (end: ForeignKey['child']) => end.schema === target.schema && end.table === target.table;
    const own = all.filter(({ child, parent }) => isHere(child) && isHere(parent));
    for (let level = 0; own.length > 0 && level < DEEPEST; level += 1) {
      context.signal.throwIfAborted();
      let further = 0;
      for (const { child, parent } of own) {
        const reference = { columns: child.columns, refersTo: parent.columns };
        further += await moveReferring(session, runId, { table, operation, level }, reference);
      }
      moved += further;
      if (further === 0) break;
    }
  }
  return moved > 0;
}
