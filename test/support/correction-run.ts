import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyStep, confirmPlan, freezePlan, resolveApplied } from '../../activities/correct';
import { openRun } from '../../activities/open-run';
import { Resources } from '../../activities/resources';
import { planUndo } from '../../activities/plan-undo';
import { openUndo } from '../../activities/undo';
import { applyTogether } from '../../activities/together';
import { verifyTable } from '../../activities/verify';
import type { UndoInput } from '../../contracts/messages';
import type { PlanItem } from '../../contracts/plan-item';
import { countUpTo } from '../../database/row-count';
import { closeCandidates, insertCandidates } from '../../ledger/candidate';
import { beginChunk, finishChunk, insertChunks } from '../../ledger/chunk';
import { insertSettledFindings } from '../../ledger/finding';
import { streamPlan } from '../../ledger/plan';
import { endRun, endTable } from '../../ledger/run';
import type { TableStatus } from '../../contracts/run';
import { inPasses } from '../../workflows/passes';
import { createDatabasePair, type TestDatabase, type TextRow } from './database';
import { findDifferences } from './engine';
import { chunksCutAt, collect } from './ledger';

const context = { signal: new AbortController().signal, report: () => undefined };

const MOST_COUNTED = 1_000_000;

export interface Entry {
  readonly table: string;
  readonly operation: string;
  readonly key: string;
  readonly status: string;
  readonly error: string | null;
}

/** What became of each correction, in one line each. */
export const said = (entries: readonly Entry[]): readonly string[] =>
  entries.map(
    ({ operation, key, status, error }) => `${operation} ${key} ${status}${error === null ? '' : `: ${error}`}`,
  );

/** What a run does to correct two databases, activity by activity as a workflow calls them, without Temporal. */
export class CorrectionRun {
  /** The steps that the last plan took: a table, or `together`. */
  passes: string[] = [];
  #runs = 0;

  private constructor(
    readonly source: TestDatabase,
    readonly target: TestDatabase,
    readonly resources: Resources,
    readonly configPath: string,
    private readonly dropAll: () => Promise<void>,
  ) {}

  static async create(name: string): Promise<CorrectionRun> {
    const { source, target, drop } = await createDatabasePair(name);
    const folder = mkdtempSync(join(tmpdir(), 'trueup-correction-'));
    const configPath = join(folder, 'trueup.yaml');
    const resources = new Resources({ configPath, concurrency: 2, searchAttributes: false });
    return new CorrectionRun(source, target, resources, configPath, async () => {
      await resources.close();
      await drop();
      rmSync(folder, { recursive: true, force: true });
    });
  }

  async both(sql: string): Promise<void> {
    await Promise.all([this.source.query(sql), this.target.query(sql)]);
  }

  /** Begins anew with empty databases, where half of a table may be deleted; `tables`, and further fields of `defaults`, in YAML. */
  async reset(tables: string, defaults = ''): Promise<void> {
    await this.both('drop schema public cascade; create schema public');
    await this.target.query('truncate trueup.run cascade; truncate trueup.before_image').catch(() => undefined);
    const connections = `connections: { legacy: { url: "${this.source.url}" }, modern: { url: "${this.target.url}" } }`;
    writeFileSync(
      this.configPath,
      `${connections}\ndefaults: { source: legacy, target: modern, guard: { wipe: 100 }${defaults} }\ntables: ${tables}\n`,
    );
  }

  /** Opens a run and compares its tables; those named `incomplete` were not compared to their end. */
  async compare(name: string, incomplete: readonly string[] = []): Promise<string> {
    // Never an ID that was used before: what is known of a run is remembered.
    const workflowId = `${name}-${(this.#runs += 1)}`;
    const execution = { workflowId, firstExecutionRunId: `${workflowId}-execution` };
    const { runId, tables } = await openRun(this.resources, { input: { apply: true }, ...execution });
    const ledger = await this.resources.ledger();
    for (const { name } of tables) {
      const comparison = await this.resources.comparison(runId, name);
      const differences = await findDifferences({ comparison, sides: this.resources.sides(comparison) }, 1_000);
      await ledger.withTransaction('read write', (session) => insertChunks(session, runId, name, chunksCutAt()));
      const chunk = await beginChunk(ledger, runId, name, 0, 1_000);
      if (chunk === null) throw new Error(`run ${runId}, table ${name}: no chunk`);
      await insertCandidates(ledger, runId, name, chunk, differences);
      const { source, target } = this.resources.sides(comparison);
      const [rowsSource, rowsTarget] = [
        await countUpTo(source.database, source.relation, source.filter, MOST_COUNTED),
        await countUpTo(target.database, target.relation, target.filter, MOST_COUNTED),
      ];
      await finishChunk(ledger, runId, name, chunk, { rowsSource, rowsTarget, differing: differences.length });
      await closeCandidates(ledger, runId, name);
      await insertSettledFindings(ledger, runId, name);
      const status: TableStatus = incomplete.includes(name) ? 'incomplete' : 'inconsistent';
      const figures = { rowsSource, rowsTarget, transient: 0, unsettled: 0, notes: [] };
      await endTable(ledger, runId, name, { status, ...figures });
    }
    return runId;
  }

  freeze(runId: string) {
    return freezePlan(this.resources, { runId }, context);
  }

  async plan(runId: string): Promise<readonly PlanItem[]> {
    return collect(streamPlan(await this.resources.ledger(), runId));
  }

  /** The plan's items as `operation table key`. */
  async planned(runId: string): Promise<readonly string[]> {
    const items = await this.plan(runId);
    const named = (item: PlanItem | undefined) =>
      item ? `${item.operation} ${item.table} ${Object.values(item.key).join(',')}` : '?';
    return items.map((item) => {
      const cause = item.effectOf === undefined ? '' : ` with ${named(items.find(({ seq }) => seq === item.effectOf))}`;
      return `${named(item)}${cause}`;
    });
  }

  /** Applies a frozen plan and returns the correction log. */
  async apply(runId: string, digest: string): Promise<readonly Entry[]> {
    const steps = await confirmPlan(this.resources, { runId, digest });
    this.passes = [];
    await inPasses(steps, {
      applyStep: async ({ step, table }, last) => {
        this.passes.push(table);
        return applyStep(this.resources, { runId, table, step, approver: 'Ada', last }, context);
      },
      applyTogether: async (last) => {
        this.passes.push('together');
        return applyTogether(this.resources, { runId, approver: 'Ada', last }, context);
      },
    });
    await resolveApplied(this.resources, { runId });
    return this.entries(runId);
  }

  verify(runId: string, table: string) {
    return verifyTable(this.resources, { runId, table }, context);
  }

  /** Compares, freezes and applies; `between` runs after the plan is frozen. */
  async correct(workflowId: string, between: () => Promise<unknown> = async () => undefined) {
    const runId = await this.compare(workflowId);
    const plan = await this.freeze(runId);
    const planned = await this.planned(runId);
    await between();
    return { runId, plan, planned, entries: await this.apply(runId, plan.digest) };
  }

  async end(runId: string): Promise<void> {
    await endRun(await this.resources.ledger(), runId, { status: 'applied', error: null, phases: {} });
  }

  /** Plans to take back what a run changed, or what the input names of it. */
  async planUndo(undoOf: string, scope: Omit<UndoInput, 'runId'> = {}) {
    await this.end(undoOf);
    const workflowId = `undo-${undoOf}-${(this.#runs += 1)}`;
    const execution = { workflowId, firstExecutionRunId: `${workflowId}-execution` };
    const { runId } = await openUndo(this.resources, { input: { runId: undoOf, ...scope }, ...execution });
    const plan = await planUndo(this.resources, { runId, undoOf }, context);
    return { runId, plan };
  }

  /** Takes back what a run changed, or what the input names of it. */
  async undo(undoOf: string, scope: Omit<UndoInput, 'runId'> = {}): Promise<readonly Entry[]> {
    const { runId, plan } = await this.planUndo(undoOf, scope);
    return this.apply(runId, plan.digest);
  }

  async entries(runId: string): Promise<readonly Entry[]> {
    const rows = await this.target.query(
      `select table_name, operation, array_to_string(array(select value from jsonb_each_text(record_key)), ',') as key,
              status, error from trueup.correction_log where run_id = $1 order by seq`,
      [runId],
    );
    return rows.map((row) => ({
      table: row['table_name'] ?? '',
      operation: row['operation'] ?? '',
      key: row['key'] ?? '',
      status: row['status'] ?? '',
      error: row['error'] ?? null,
    }));
  }

  rows(table: string): Promise<TextRow[]> {
    return this.target.query(`select * from ${table} order by 1`);
  }

  images(runId: string): Promise<TextRow[]> {
    return this.target.query(
      `select table_name, operation, before_row, after_row from trueup.before_image where run_id = $1 order by seq`,
      [runId],
    );
  }

  /** Every row of some tables, to compare. */
  async contents(...tables: readonly string[]): Promise<string> {
    const contents: unknown[] = [];
    for (const table of tables) contents.push(await this.target.query(`select t::text from ${table} as t order by 1`));
    return JSON.stringify(contents);
  }

  drop(): Promise<void> {
    return this.dropAll();
  }
}
