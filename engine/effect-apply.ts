import type { BeforeImage } from '../contracts/before-image';
import type { PlanItem } from '../contracts/plan-item';
import type { Queryable } from '../database/connection';
import { DatabaseFailure } from '../database/failure';
import type { ApplyContext, AffectedTable } from './apply-context';
import { withDefaultPath } from './default-path';
import { effectPages } from './effect-check';
import { keyText, keyValues } from './key';
import { readRows } from './row';
import { correctionStatements } from './statement';

/**
 * Carries out the effects of deletes before those, so that the database has nothing left to do by itself, with a backup of
 * each row. A row may be gone by then with another one that it refers to: it was checked that all of them are planned.
 */
export async function applyEffects(
  session: Queryable,
  context: ApplyContext,
  causes: readonly string[],
): Promise<void> {
  for await (const items of effectPages(context, causes)) {
    const table = await tableOf(context, items);
    await withDefaultPath(session, async () => {
      for (const statement of correctionStatements(table.comparison, table.side, items)) {
        await session.query(statement.text, [JSON.stringify(statement.rows)]);
      }
    });
    const after = items[0].operation === 'update' ? await rowsNow(session, table, items) : [];
    const images = items.map((item, i): BeforeImage => {
      const { seq, operation, key, before } = item;
      return { seq, operation, key, before, after: after[i] ?? null };
    });
    if (images.some(({ after: now }, i) => !holds(now, items[i]))) throw standsInTheWay(items[0]);
    await table.markers.add(session, images);
  }
}

/** Makes sure that every row is gone that was to go. */
export async function confirmEffects(session: Queryable, context: ApplyContext, causes: readonly string[]) {
  for await (const items of effectPages(context, causes)) {
    if (items[0].operation !== 'delete') continue;
    const left = await rowsNow(session, await tableOf(context, items), items);
    if (left.some((row) => row !== null)) throw standsInTheWay(items[0]);
  }
}

function tableOf(context: ApplyContext, [{ table }]: readonly [PlanItem, ...PlanItem[]]): Promise<AffectedTable> {
  if (!context.effects) throw new RangeError('a correction without effects has no tables of theirs');
  return context.effects.table(table);
}

async function rowsNow(session: Queryable, { comparison, side }: AffectedTable, items: readonly PlanItem[]) {
  const keys = items.map((item) => keyValues(comparison, item.key));
  const rows = await readRows(session, comparison, side, keys);
  return keys.map((key) => rows.get(keyText(key))?.values ?? null);
}

function holds(now: BeforeImage['after'], item: PlanItem | undefined): boolean {
  return Object.entries(item?.after ?? {}).every(([name, value]) => now?.[name] === value);
}

function standsInTheWay({ table, operation, constraint }: PlanItem): DatabaseFailure {
  const what = `a row of ${table} was to be ${operation}d with it (${constraint ?? ''}), and was not`;
  return new DatabaseFailure(
    'DATABASE_ERROR',
    what,
    'P0001',
    `${what}: a trigger, a rule or row security stands in the way`,
  );
}
