import { waitUntil } from '../../client/embedded/wait-until';
import type { Chunk } from '../../contracts/chunk';
import type { Comparison } from '../../contracts/comparison';
import type { CorrectionPolicies } from '../../contracts/correction';
import type { Difference } from '../../contracts/difference';
import type { TextRow } from '../../contracts/finding';
import type { TableStatus } from '../../contracts/run';
import type { Database } from '../../database/connection';
import { keyDigest } from '../../engine/key';
import { closeCandidates, insertCandidates } from '../../ledger/candidate';
import { beginChunk, finishChunk, insertChunks, type BegunChunk } from '../../ledger/chunk';
import { insertSettledFindings } from '../../ledger/finding';
import { migrate } from '../../ledger/migrate';
import { openLedger } from '../../ledger/open';
import { endTable, insertRun, insertRunTables, type NewRun } from '../../ledger/run';
import { createTestDatabase, type TestDatabase } from './database';

const ALL_AUTO: CorrectionPolicies = { missing: 'auto', mismatched: 'auto', extra: 'auto' };

/** A table pair with key `id`, columns `a` and `g` that are compared, and `x` that is only written; `g` is generated. */
export function comparisonOf(name: string, corrections: CorrectionPolicies = ALL_AUTO, critical = false): Comparison {
  const ref = { connection: 'c', schema: 'public', table: name };
  const column = (column: string) => ({ source: column, target: `t_${column}`, type: 'text', castTo: null });
  return {
    pair: {
      name,
      source: ref,
      target: ref,
      key: null,
      columns: {},
      exclude: [],
      where: null,
      critical,
      corrections,
      chunkRows: 10,
      settle: { delayMs: 0, attempts: 1 },
    },
    key: [
      {
        source: 'id',
        target: 't_id',
        type: 'bigint',
        castTo: 'bigint',
        order: 'integer',
        cast: { source: false, target: false },
        collate: { source: false, target: false },
        collation: { source: null, target: null },
        boundType: { source: 'bigint', target: 'bigint' },
      },
    ],
    keyOrigin: 'catalog',
    keyNullable: false,
    strategy: 'ranges',
    columns: [column('a'), column('g')],
    writable: ['id', 'a', 'x'].map((source) => ({ source, target: `t_${source}`, targetType: 'text' })),
    targetColumns: ['id', 'a', 'x', 'g'].map((name) => ({ name: `t_${name}`, type: 'text', generated: name === 'g' })),
    keyProven: { source: true, target: true },
    hash: 'native-14',
    notes: [],
  };
}

export const sourceRow = (id: string, a = `source ${id}`): TextRow => ({ id, a, x: null, g: a });
export const targetRow = (id: string, a = `target ${id}`): TextRow => ({ t_id: id, t_a: a, t_x: 'x', t_g: a });

/** A number that tells a row from others, as the databases' hashes do. */
const digestOf = (row: TextRow) => String(parseInt(keyDigest([JSON.stringify(row)]).slice(0, 12), 16));

/** A difference of such a pair; `generated`: only the generated column differs. `a` is the source's value. */
export function differenceAt(id: string, kind: 'missing' | 'extra' | 'mismatch' | 'generated', a?: string): Difference {
  const [source, target] = [kind === 'extra' ? null : sourceRow(id, a), kind === 'missing' ? null : targetRow(id)];
  const column = (name: string) => ({
    name,
    targetName: `t_${name}`,
    source: source?.[name] ?? null,
    target: target?.[`t_${name}`] ?? null,
  });
  const differences = kind === 'mismatch' ? [column('a'), column('g')] : kind === 'generated' ? [column('g')] : [];
  return {
    keyDigest: keyDigest([id]),
    key: { id },
    type: kind === 'missing' ? 'missing_in_target' : kind === 'extra' ? 'extra_in_target' : 'field_mismatch',
    source,
    target,
    digests: { source: source && digestOf(source), target: target && digestOf(target) },
    differences,
    counts: null,
  };
}

/** Chunks that are cut at these keys. */
export function chunksCutAt(...cuts: readonly string[]): readonly Chunk[] {
  const bounds = [null, ...cuts.map((cut) => [cut]), null];
  return bounds
    .slice(1)
    .map((to, no) => ({ no, kind: 'range', from: bounds[no] ?? null, to, low: null, high: null, slices: null }));
}

/** A run of its own execution; another `execution` of the same workflow ID is another run. */
export function newRun(workflowId: string, execution = `${workflowId}-execution`): NewRun {
  return {
    kind: 'reconcile',
    workflowId,
    firstExecutionRunId: execution,
    apply: true,
    requestedBy: null,
    undoOf: null,
    config: { tables: [], concurrency: 1, approvalTimeoutMs: 1, ledgerSchema: 'trueup' },
  };
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** A ledger on a database of its own. */
export class TestLedger {
  #runs = 0;

  private constructor(
    readonly test: TestDatabase,
    readonly ledger: Database,
  ) {}

  static async create(name: string): Promise<TestLedger> {
    const test = await createTestDatabase(name);
    const ledger = openLedger({ url: test.url, schema: 'trueup', name: 'ledger', maxConnections: 10 });
    await migrate(ledger, 'trueup', 'ledger');
    return new TestLedger(test, ledger);
  }

  /** A new run of these tables, nothing of which was compared yet. */
  async run(tables: readonly Comparison[]): Promise<string> {
    const runId = await insertRun(this.ledger, newRun(`run-${(this.#runs += 1)}`));
    await insertRunTables(this.ledger, runId, tables);
    return runId;
  }

  /** Enters the chunks of a table; returns how many it has. */
  planned(runId: string, table: string, chunks: readonly Chunk[]): Promise<number> {
    return this.ledger.withTransaction('read write', (session) => insertChunks(session, runId, table, chunks));
  }

  /** Begins the first chunk that is not finished. */
  async begun(runId: string, table: string): Promise<BegunChunk> {
    const chunk = await beginChunk(this.ledger, runId, table, 0, 1_000);
    if (chunk === null) throw new Error(`run ${runId}, table ${table}: no chunk is left`);
    return chunk;
  }

  /** A run whose tables were compared, and have these differences as findings. */
  async runWith(
    tables: readonly (readonly [comparison: Comparison, differences: readonly Difference[], status?: TableStatus])[],
  ): Promise<string> {
    const runId = await this.run(tables.map(([table]) => table));
    for (const [{ pair }, differences, status = 'inconsistent'] of tables) {
      await this.planned(runId, pair.name, chunksCutAt());
      const chunk = await this.begun(runId, pair.name);
      await insertCandidates(this.ledger, runId, pair.name, chunk, differences);
      const counts = { rowsSource: 0, rowsTarget: 0, differing: differences.length };
      await finishChunk(this.ledger, runId, pair.name, chunk, counts);
      await closeCandidates(this.ledger, runId, pair.name);
      await insertSettledFindings(this.ledger, runId, pair.name);
      await endTable(this.ledger, runId, pair.name, {
        status,
        rowsSource: 0,
        rowsTarget: 0,
        transient: 0,
        unsettled: 0,
        notes: [],
      });
    }
    return runId;
  }

  /** Waits until a statement of this ledger waits for a lock. */
  async untilWaiting(): Promise<void> {
    const waits = () =>
      this.test.query(`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
    await waitUntil(async () => (await waits()).length > 0, { timeoutMs: 10_000, everyMs: 20 });
  }

  async drop(): Promise<void> {
    await this.ledger.close();
    await this.test.drop();
  }
}
