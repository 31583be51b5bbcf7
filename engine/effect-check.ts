import type { Comparison } from '../contracts/comparison';
import type { PlanItem } from '../contracts/plan-item';
import type { Queryable } from '../database/connection';
import type { ApplyContext } from './apply-context';
import { Batch, charactersOf } from './batch';
import { findCascades, unplanned, type Cascade } from './cascade';
import { sameRow } from './difference';
import { findEffects, type Effect } from './effect';
import { keyDigest, keyText, keyValues } from './key';
import { readRows } from './row';
import type { Side } from './side';

export interface Refusal {
  readonly status: 'SKIPPED_STALE' | 'FAILED';
  readonly error: string;
}

/** Whether a row is corrected in the same transaction, before the deletes. */
export type Together = (table: string, keyDigest: string) => boolean;

/** Refused deletes: their `seq` to the reason. */
export type Refusals = ReadonlyMap<string, Refusal>;

/** Effects of some deletes, as many at a time as fit in memory, those of one table and operation together. */
export async function* effectPages(
  context: ApplyContext,
  causes: readonly string[],
): AsyncIterable<readonly [PlanItem, ...PlanItem[]]> {
  const { effects } = context;
  if (!effects || causes.length === 0) return;
  const batch = new Batch();
  for (let after = '0'; ;) {
    const items = await effects.next(causes, after, batch.rows);
    const last = items.at(-1);
    if (!last) return;
    after = last.seq;
    batch.saw(items.length, charactersOf(items.flatMap(({ before, after: written }) => [before, written])));
    const groups = new Map<string, [PlanItem, ...PlanItem[]]>();
    for (const item of items) {
      const id = JSON.stringify([item.table, item.operation]);
      const group = groups.get(id);
      if (group) group.push(item);
      else groups.set(id, [item]);
    }
    yield* groups.values();
  }
}

/**
 * Whether what the database would do by itself, were these rows deleted, is what the plan says: locks every row that it
 * would touch, and compares each with the plan. To be called with the rows themselves locked: no reference to them can be
 * added then.
 */
export async function checkEffects(
  session: Queryable,
  context: ApplyContext,
  causes: readonly PlanItem[],
  together?: Together,
): Promise<Refusals> {
  const refused = new Map<string, Refusal>(await findStale(session, context, causes));
  for (;;) {
    const ready = causes.filter(({ seq }) => !refused.has(seq));
    const more = await findUnplanned(session, context, ready, together);
    if (more.size === 0) return refused;
    // An effect of two deletes is planned with one of them; without that one the other touches what is not planned.
    for (const [seq, refusal] of more) refused.set(seq, refusal);
  }
}

async function findStale(session: Queryable, context: ApplyContext, causes: readonly PlanItem[]): Promise<Refusals> {
  const stale = new Map<string, Refusal>();
  for await (const items of effectPages(
    context,
    causes.map(({ seq }) => seq),
  )) {
    const [{ table }] = items;
    const { comparison, side } = await affected(context, table);
    const keys = items.map((item) => keyValues(comparison, item.key));
    const rows = await readRows(session, comparison, side, keys, { lock: true });
    items.forEach((item, i) => {
      const now = rows.get(keyText(keys[i] ?? []))?.values ?? null;
      if (sameRow(now, item.before)) return;
      const what = now === null ? 'is gone' : 'was changed';
      const error = `a row of ${table} that would go with it ${what} since the plan was made (${item.constraint ?? ''})`;
      stale.set(item.effectOf ?? '', { status: 'SKIPPED_STALE', error });
    });
  }
  return stale;
}

async function affected(context: ApplyContext, table: string) {
  if (!context.effects) throw new RangeError('a correction without effects has no tables of theirs');
  return context.effects.table(table);
}

interface Parents {
  readonly comparison: Comparison;
  readonly side: Side;
  readonly cascades: readonly Cascade[];
  readonly items: readonly PlanItem[];
}

async function findUnplanned(
  session: Queryable,
  context: ApplyContext,
  causes: readonly PlanItem[],
  together?: Together,
) {
  const found = new Found(session, context, causes, together);
  const { comparison, sides, cascades } = context;
  await found.look({ comparison, side: sides.target, cascades, items: causes });
  for await (const items of effectPages(
    context,
    causes.map(({ seq }) => seq),
  )) {
    const [{ table, operation }] = items;
    if (operation === 'delete') await found.look({ ...(await affected(context, table)), items });
  }
  return found.refused;
}

/** Rows that a refusal names by their keys. */
const MOST_NAMED = 5;

/** Collects what deletes would touch beside the plan. */
class Found {
  readonly refused = new Map<string, Refusal>();
  readonly #counts = new Map<string, { readonly count: number; readonly names: string[] }>();
  readonly #causes: ReadonlySet<string>;
  readonly #own: ReadonlySet<string>;

  constructor(
    readonly session: Queryable,
    readonly context: ApplyContext,
    causes: readonly PlanItem[],
    readonly together?: Together,
  ) {
    const { comparison } = context;
    this.#causes = new Set(causes.map(({ seq }) => seq));
    this.#own = new Set(causes.map(({ key }) => keyDigest(keyValues(comparison, key))));
  }

  async look({ comparison, side, cascades, items }: Parents): Promise<void> {
    const keys = items.map((item) => keyValues(comparison, item.key));
    for (const { key, children } of cascades) {
      if ('why' in children) {
        const reasons = await findCascades(this.session, side, key, children, keys);
        items.forEach((item, i) => {
          const error = reasons.get(keyText(keys[i] ?? []));
          if (error !== undefined) this.#refuse(item, error);
        });
        continue;
      }
      for (const child of children) {
        for await (const effects of findEffects(this.session, side, keys, key, child)) {
          const unfit = await this.#unfit(effects);
          for (const { parent, key: of } of unfit) {
            const item = items[parent];
            if (!item) continue;
            const id = JSON.stringify([item.effectOf ?? item.seq, key.child, key.name]);
            const { count, names } = this.#counts.get(id) ?? { count: 0, names: [] };
            if (count < MOST_NAMED) names.push(Object.values(of).join(', '));
            this.#counts.set(id, { count: count + 1, names });
            const more = count < MOST_NAMED ? '' : ` and ${count + 1 - MOST_NAMED} more`;
            this.#refuse(item, unplanned(key, count + 1, `${names.join('; ')}${more}`));
          }
        }
      }
    }
  }

  #refuse(item: PlanItem, error: string): void {
    this.refused.set(item.effectOf ?? item.seq, { status: 'FAILED', error });
  }

  /** Those that neither are deleted together with their parents nor are planned as an effect of them. */
  async #unfit(effects: readonly Effect[]): Promise<readonly Effect[]> {
    const table = effects[0]?.table ?? '';
    const digests = effects.map((effect) => effect.keyDigest);
    const planned = await this.context.effects?.find(table, digests);
    const isOwn = (effect: Effect) => table === this.context.comparison.pair.name && this.#own.has(effect.keyDigest);
    return effects.filter((effect) => {
      if (isOwn(effect) || this.together?.(effect.table, effect.keyDigest)) return false;
      const plan = planned?.get(effect.keyDigest);
      return !plan || !this.#causes.has(plan.cause) || (effect.operation === 'delete' && plan.operation !== 'delete');
    });
  }
}
