import type { BeforeImage } from '../contracts/before-image';
import type { PlanItem } from '../contracts/plan-item';
import type { Queryable } from '../database/connection';
import type { ApplyContext, AffectedTable } from './apply-context';
import { withDefaultPath } from './default-path';
import { effectPages, type Company } from './effect-check';
import { keyText, keyValues } from './key';
import { confirmWritten } from './read-back';
import { readRows, type Row, type RowsByKey } from './row';
import { RowsRefused } from './rows-refused';
import type { NothingBeside } from './side-effects';
import { correctionStatements } from './statement';

/**
 * Carries out the effects of deletes before those, so that the database has nothing left to do by itself, with a backup of
 * each row. A row may be gone by then with another one that it refers to: it was checked that all of them are planned.
 */
export async function applyEffects(
  session: Queryable,
  context: ApplyContext,
  causes: readonly string[],
  beside: NothingBeside,
  company?: Company,
): Promise<void> {
  for await (const items of effectPages(context, causes, company)) {
    const table = await tableOf(context, items);
    await withDefaultPath(
      session,
      async () => {
        for (const statement of correctionStatements(table.comparison, table.side, items)) {
          await session.query(statement.text, [JSON.stringify(statement.rows)]);
        }
      },
      table.comparison,
    );
    // Rows that refer to each other may be set to NULL by the database before their own turn comes.
    const { operation } = items[0];
    beside.expect(table.comparison.pair, operation, items.length, operation === 'delete' ? items.length : 0);
    const after = items[0].operation === 'update' ? await confirmed(session, table, items) : new Map<string, Row>();
    const images = items.map(({ seq, operation, key, before }): BeforeImage => {
      const now = after.get(keyText(keyValues(table.comparison, key)));
      return { seq, operation, key, before, after: now?.values ?? null };
    });
    await table.markers.add(session, images);
    for (const { seq, effectAlso } of items) if (effectAlso) company?.written.add(seq);
  }
}

/** Makes sure that every row is gone that was to go. */
export async function confirmEffects(session: Queryable, context: ApplyContext, causes: readonly string[]) {
  for await (const items of effectPages(context, causes)) {
    if (items[0].operation !== 'delete') continue;
    await confirmed(session, await tableOf(context, items), items);
  }
}

function tableOf(context: ApplyContext, [{ table }]: readonly [PlanItem, ...PlanItem[]]): Promise<AffectedTable> {
  if (!context.effects) throw new RangeError('a correction without effects has no tables of theirs');
  return context.effects.table(table);
}

/** Reads rows again that go with deletes: they are as the plan says, or those deletes are not made. */
async function confirmed(
  session: Queryable,
  { comparison, side }: AffectedTable,
  items: readonly [PlanItem, ...PlanItem[]],
): Promise<RowsByKey> {
  const keys = items.map((item) => keyValues(comparison, item.key));
  const after = await readRows(session, comparison, side, keys);
  const before = new Map(items.map(({ before }, i) => [keyText(keys[i] ?? []), { values: before ?? {} }]));
  try {
    await confirmWritten(session, { comparison, side, items, before, source: new Map(), after });
  } catch (error) {
    if (!(error instanceof RowsRefused)) throw error;
    const reasons = items.flatMap(({ seq, table, constraint, effectOf }): (readonly [string, string])[] => {
      const why = error.reasons.get(seq);
      const what = `a row of ${table} goes with it (${constraint ?? ''})`;
      return why === undefined ? [] : [[effectOf ?? seq, `${what}: ${why}`]];
    });
    throw new RowsRefused(new Map(reasons), error.mayPass);
  }
  return after;
}
