import type { Comparison } from '../../contracts/comparison';
import { TrueupError } from '../../contracts/errors';
import type { PlanItem } from '../../contracts/plan-item';
import type { RunReport } from '../../contracts/run';
import type { RunConfig } from '../../contracts/table-pair';
import { Database, type Queryable } from '../../database/connection';
import { quoteQualified } from '../../database/identifier';
import {
  scriptChangeText,
  scriptChecks,
  scriptKey,
  scriptReverse,
  scriptSignature,
  scriptTable,
  scriptWanted,
} from '../../engine/script';
import { listBesidePlan } from '../../ledger/beside-plan';
import { nextEffects } from '../../ledger/effect';
import { listPlanItems, listPlanSteps } from '../../ledger/plan';
import { listPlanTables, nextRoots, readFindingTimes } from '../../ledger/plan-batch';
import { readComparison, readRunConfig } from '../../ledger/run';
import {
  BATCH_BEGIN,
  BATCH_END,
  scriptApply,
  scriptEnd,
  scriptHead,
  scriptItemsText,
  scriptStatementText,
  scriptTableText,
  type ScriptReverse,
} from '../render/plan-script';
import { BESIDE_TABLES, scriptTermsText, type ScriptTerm } from '../render/plan-script-beside';
import { checkText } from '../render/plan-script-check';
import { libraryText } from '../render/plan-script-library';
import { SCRIPT_TABLES } from '../render/plan-script-tables';
import type { Context } from './context';

/** Corrections in one transaction, beside what goes with them. */
const BATCH = 500;
/** Statements known at once; what was forgotten is entered again under another number. */
const MOST_STATEMENTS = 10_000;
/** Rows, and characters of them, read at once. */
const PAGE = 100;
const MOST_CHARACTERS = 2_000_000;

/** The plan of a run as a script for psql, a piece at a time. `connection`: the target that is meant, where there are several. */
export async function* planScript(
  { config, ledger }: Pick<Context, 'config' | 'ledger'>,
  report: RunReport,
  connection: string | undefined,
): AsyncIterable<string> {
  const { runId } = report;
  const comparisons = await readComparisons(ledger, runId);
  const target = targetOf([...comparisons.values()], connection, config.defaults.target);
  const here = new Map([...comparisons].filter(([, { pair }]) => pair.target.connection === target));
  const database = await databaseName(config.connectionUrl(target), target);
  const read = await readFindingTimes(ledger, runId);
  yield scriptHead({ report, madeAt: new Date().toISOString(), connection: target, database, read });
  yield `\n${SCRIPT_TABLES}\n${BESIDE_TABLES}\n\n`;
  for (const comparison of here.values()) yield scriptTableText(scriptTable(comparison));
  yield scriptTermsText(termsOf(await readRunConfig(ledger, runId), target, [...here.values()]));
  yield `\n${checkText({ runId, database, schema: config.ledger.schema })}\n\n${libraryText(runId)}\n`;
  yield scriptApply(report);
  const done = new Done(here);
  for (const step of await listPlanSteps(ledger, runId)) {
    if (!here.has(step.table)) continue;
    for (let after = '0'; ;) {
      const roots = await nextRoots(ledger, runId, step.step, after, BATCH);
      const last = roots.at(-1);
      if (last === undefined) break;
      after = last;
      yield BATCH_BEGIN;
      for await (const items of itemsOf(ledger, runId, roots, step.operation === 'delete')) yield done.text(items);
      yield BATCH_END;
    }
  }
  yield scriptEnd(done.reverses(), await listBesidePlan(ledger, runId, target));
}

/** What may be changed beside the plan on this target, as Trueup itself would let it. */
function termsOf(config: RunConfig | null, target: string, comparisons: readonly Comparison[]): readonly ScriptTerm[] {
  const pairs = [...(config?.tables ?? []), ...(config?.others ?? [])];
  const refs = pairs.flatMap((pair) => [pair.source, pair.target]).filter(({ connection }) => connection === target);
  const names = new Set(refs.map(({ schema, table }) => quoteQualified(schema, table)));
  const own = comparisons.flatMap(({ pair: { name: table, sideEffects = 'record' } }): readonly ScriptTerm[] => {
    if (sideEffects === 'forbid') return [{ kind: 'forbid', table, relation: null }];
    if (sideEffects === 'record') return [];
    return sideEffects.allow.map((ref) => ({ kind: 'allow', table, relation: quoteQualified(ref.schema, ref.table) }));
  });
  return [...[...names].map((relation): ScriptTerm => ({ kind: 'config', table: null, relation })), ...own];
}

async function readComparisons(ledger: Queryable, runId: string): Promise<ReadonlyMap<string, Comparison>> {
  const comparisons = new Map<string, Comparison>();
  for (const table of await listPlanTables(ledger, runId)) {
    const comparison = await readComparison(ledger, runId, table);
    if (!comparison) throw new TrueupError('TABLE_UNKNOWN', `run ${runId} has no table ${table}`);
    comparisons.set(table, comparison);
  }
  return comparisons;
}

/** @throws USAGE: which of several targets is meant was not said, or the plan changes nothing there. */
function targetOf(comparisons: readonly Comparison[], asked: string | undefined, usual: string | null): string {
  const targets = [...new Set(comparisons.map(({ pair }) => pair.target.connection))].sort();
  const [only] = targets;
  if (only === undefined) {
    const target = asked ?? usual;
    if (target !== null) return target;
    throw new TrueupError('USAGE', 'plan --sql: the plan is empty');
  }
  if (asked !== undefined && targets.includes(asked)) return asked;
  if (asked === undefined && targets.length === 1) return only;
  const found = asked === undefined ? 'the plan changes several databases' : `the plan changes nothing in ${asked}`;
  throw new TrueupError('USAGE', `plan --sql: ${found}: name one with --connection, of ${targets.join(', ')}`);
}

async function databaseName(url: string, name: string): Promise<string> {
  const database = new Database({ url, name, maxConnections: 1, readOnly: true });
  try {
    const { rows } = await database.query<{ name: string }>('select current_database()::text as name');
    return rows[0]?.name ?? '';
  } finally {
    await database.close();
  }
}

/** A batch of corrections a page at a time, after what goes with them. */
async function* itemsOf(ledger: Queryable, runId: string, roots: readonly string[], isDelete: boolean) {
  let rows = PAGE;
  const sized = (items: readonly PlanItem[]) => {
    rows = fitting(items);
    return items;
  };
  for (let after = '0'; isDelete;) {
    const effects = await nextEffects(ledger, runId, roots, after, rows);
    const last = effects.at(-1);
    if (!last) break;
    after = last.seq;
    // What goes with several deletes is listed once, with the first of them.
    const own = effects.filter(({ effectOf = '' }) => roots.includes(effectOf));
    if (own.length > 0) yield sized(own);
  }
  for (let done = 0; done < roots.length;) {
    const page = roots.slice(done, done + rows);
    done += page.length;
    yield sized(await listPlanItems(ledger, runId, page));
  }
}

/** How many rows as wide as these to read at once. */
function fitting(items: readonly PlanItem[]): number {
  const characters = items.reduce((sum, item) => sum + JSON.stringify(item).length, 0);
  return Math.max(1, Math.min(PAGE, Math.floor((MOST_CHARACTERS * items.length) / characters)));
}

/** What a script holds so far: the statements that it knows, and what has to be given back. */
class Done {
  readonly #statements = new Map<string, number>();
  readonly #written = new Map<string, { item: PlanItem; columns: Set<string> }>();
  #id = 0;

  constructor(readonly comparisons: ReadonlyMap<string, Comparison>) {}

  text(items: readonly PlanItem[]): string {
    const statements: string[] = [];
    const rows = items.map((item) => {
      const comparison = this.#comparison(item.table);
      const signature = scriptSignature(item);
      let id = this.#statements.get(signature);
      if (id === undefined) {
        if (this.#statements.size >= MOST_STATEMENTS) this.#statements.clear();
        id = this.#id += 1;
        this.#statements.set(signature, id);
        const text = scriptChangeText(comparison, id, item);
        const checks = scriptChecks(comparison, item);
        statements.push(scriptStatementText({ id, table: item.table, operation: item.operation, text, checks }));
      }
      this.#note(item);
      return { item, statement: id, wanted: scriptWanted(comparison, item), ...scriptKey(comparison, item) };
    });
    return statements.join('') + scriptItemsText(rows);
  }

  /** What gives back each operation on each table. */
  reverses(): readonly ScriptReverse[] {
    return [...this.#written.values()].map(({ item: { table, operation: of }, columns: written }, i) => {
      const comparison = this.#comparison(table);
      const id = -1 - i;
      const { operation, columns } = scriptReverse(comparison, of, written);
      const after = columns.length === 0 ? null : Object.fromEntries(columns.map((name) => [name, null]));
      const text = scriptChangeText(comparison, id, { operation, after, checkSource: false });
      const checks = scriptChecks(comparison, { operation, after, checkSource: false, source: null });
      return { id, table, operation, of, columns, text, checks };
    });
  }

  #comparison(table: string): Comparison {
    const comparison = this.comparisons.get(table);
    if (!comparison) throw new RangeError(`the plan has no table ${table} here`);
    return comparison;
  }

  #note(item: PlanItem): void {
    const id = JSON.stringify([item.table, item.operation]);
    const written = this.#written.get(id) ?? { item, columns: new Set<string>() };
    if (item.operation === 'update') for (const name in item.after) written.columns.add(name);
    this.#written.set(id, written);
  }
}
