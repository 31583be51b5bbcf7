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

/** What else is made in the same transaction, where that corrects more than the rows of one table. */
export interface Company {
  /** Whether a row is deleted in it. */
  readonly isDeleted: (table: string, keyDigest: string) => boolean;
  /** All its deletes, by their `seq`. */
  readonly deletes: ReadonlySet<string>;
  /** The effects of several deletes that are carried out already; what carries one out adds it. */
  readonly written: Set<string>;
}

/** Refused deletes: their `seq` to the reason. */
export type Refusals = ReadonlyMap<string, Refusal>;

/** Effects of some deletes, as many at a time as fit in memory, those of one table and operation together. */
export async function* effectPages(
  context: ApplyContext,
  causes: readonly string[],
  company?: Company,
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
      if (company?.written.has(item.seq)) continue;
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
  company?: Company,
): Promise<Refusals> {
  const refused = new Map<string, Refusal>(await findStale(session, context, causes, company));
  for (;;) {
    const ready = causes.filter(({ seq }) => !refused.has(seq));
    const more = await findUnplanned(session, context, ready, company);
    if (more.size === 0) return refused;
    // An effect of two deletes is planned with one of them; without that one the other touches what is not planned.
    for (const [seq, refusal] of more) refused.set(seq, refusal);
  }
}

async function findStale(
  session: Queryable,
  context: ApplyContext,
  causes: readonly PlanItem[],
  company?: Company,
): Promise<Refusals> {
  const stale = new Map<string, Refusal>();
  const seqs = causes.map(({ seq }) => seq);
  for await (const items of effectPages(context, seqs, company)) {
    const [{ table }] = items;
    const { comparison, side } = await affected(context, table);
    const keys = items.map((item) => keyValues(comparison, item.key));
    const rows = await readRows(session, comparison, side, keys, { lock: true });
    items.forEach((item, i) => {
      const now = rows.get(keyText(keys[i] ?? []))?.values ?? null;
      if (sameRow(now, item.before)) return;
      const what = now === null ? 'is gone' : 'was changed';
      const error = `a row of ${table} that would go with it ${what} since the plan was made (${item.constraint ?? ''})`;
      for (const cause of causesOf(item)) stale.set(cause, { status: 'SKIPPED_STALE', error });
    });
  }
  return stale;
}

/** The deletes that an effect goes with. */
function causesOf({ effectOf, effectAlso }: PlanItem): readonly string[] {
  return [...(effectOf === undefined ? [] : [effectOf]), ...(effectAlso ?? [])];
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
  company?: Company,
) {
  const found = new Found(session, context, causes, company);
  const { comparison, sides, cascades } = context;
  await found.look({ comparison, side: sides.target, cascades, items: causes });
  const seqs = causes.map(({ seq }) => seq);
  for await (const items of effectPages(context, seqs, company)) {
    const [{ table, operation }] = items;
    for (const item of items) found.needAll(item);
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
    readonly company?: Company,
  ) {
    const { comparison } = context;
    this.#causes = new Set([...causes.map(({ seq }) => seq), ...(company?.deletes ?? [])]);
    this.#own = new Set(causes.map(({ key }) => keyDigest(keyValues(comparison, key))));
  }

  /** Refuses the deletes of an effect of which not all are made: none of them may do a part of it. */
  needAll(item: PlanItem): void {
    const causes = causesOf(item);
    const missing = causes.find((seq) => !this.#causes.has(seq));
    if (causes.length < 2 || missing === undefined) return;
    const error = `a row of ${item.table} changes by it and by the delete ${missing}, which is not made with it (${item.constraint ?? ''})`;
    for (const cause of causes) this.refused.set(cause, { status: 'FAILED', error });
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
      if (isOwn(effect) || this.company?.isDeleted(effect.table, effect.keyDigest)) return false;
      const plan = planned?.get(effect.keyDigest);
      if (!plan || !this.#causes.has(plan.cause)) return true;
      if (plan.operation === 'delete') return false;
      return effect.after === null || Object.keys(effect.after).some((name) => !plan.columns.includes(name));
    });
  }
}
