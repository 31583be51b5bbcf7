import type { Comparison } from '../../contracts/comparison';
import type { Difference } from '../../contracts/difference';
import type { TablePair, TableRef } from '../../contracts/table-pair';
import { Database } from '../../database/connection';
import { readTableShape } from '../../database/table-shape';
import { compareChunk, type Sides } from '../../engine/compare-chunk';
import { resolveComparison } from '../../engine/comparison';
import { planChunks } from '../../engine/plan-chunks';
import { sideOf } from '../../engine/side';
import { createTestDatabase, type TestDatabase } from './database';

export interface EngineOptions {
  /** What follows `create database …` for each side: an encoding, a locale. */
  readonly sourceOptions?: string;
  readonly targetOptions?: string;
  /** URLs of other servers than the shared one. */
  readonly sourceServer?: string;
  readonly targetServer?: string;
  readonly maxConnections?: number;
}

export type PairOptions = Partial<
  Pick<
    TablePair,
    'key' | 'columns' | 'exclude' | 'tolerance' | 'text' | 'where' | 'corrections' | 'name' | 'critical' | 'checks'
  >
> & {
  readonly schema?: string;
  /** The target's table; default: the same name. */
  readonly target?: string;
};

export interface Inspected {
  readonly comparison: Comparison;
  readonly sides: Sides;
}

/** Two databases with the engine's own sessions on them: the engine as an activity calls it, without Temporal. */
export class EnginePair {
  private constructor(
    readonly source: TestDatabase,
    readonly target: TestDatabase,
    readonly sourceDatabase: Database,
    readonly targetDatabase: Database,
  ) {}

  static async create(name: string, options: EngineOptions = {}): Promise<EnginePair> {
    const source = await createTestDatabase(`${name}_source`, options.sourceOptions, options.sourceServer);
    const target = await createTestDatabase(`${name}_target`, options.targetOptions, options.targetServer);
    const open = (role: string, url: string, readOnly: boolean) =>
      new Database({ name: role, url, maxConnections: options.maxConnections ?? 8, readOnly });
    return new EnginePair(source, target, open('legacy', source.url, true), open('modern', target.url, false));
  }

  /** Runs the same SQL on both sides. */
  async both(sql: string): Promise<void> {
    await Promise.all([this.source.query(sql), this.target.query(sql)]);
  }

  /** How Trueup would compare a table pair, with a side on each database. */
  async inspect(table: string, options: PairOptions = {}): Promise<Inspected> {
    const schema = options.schema ?? 'public';
    const ref = (connection: string, name: string): TableRef => ({ connection, schema, table: name });
    const pair: TablePair = {
      name: options.name ?? table,
      source: ref('legacy', table),
      target: ref('modern', options.target ?? table),
      key: options.key ?? null,
      columns: options.columns ?? {},
      exclude: options.exclude ?? [],
      tolerance: options.tolerance ?? {},
      text: options.text ?? {},
      where: options.where ?? null,
      critical: options.critical ?? false,
      ...(options.checks === undefined ? {} : { checks: options.checks }),
      corrections: options.corrections ?? { missing: 'auto', mismatched: 'approve', extra: 'approve' },
      chunkRows: 1_000,
      settle: { delayMs: 0, attempts: 1 },
    };
    const source = await readTableShape(this.sourceDatabase, schema, pair.source.table);
    const target = await readTableShape(this.targetDatabase, schema, pair.target.table);
    if (source === null || target === null) throw new Error(`no table ${table} on the ${source ? 'target' : 'source'}`);
    const comparison = resolveComparison(pair, source, target);
    return {
      comparison,
      sides: {
        source: sideOf(comparison, 'source', this.sourceDatabase),
        target: sideOf(comparison, 'target', this.targetDatabase),
      },
    };
  }

  /** Every difference of a table pair, found chunk by chunk. */
  async differences(table: string, options: PairOptions = {}, chunkRows = 1_000): Promise<readonly Difference[]> {
    return findDifferences(await this.inspect(table, options), chunkRows);
  }

  async drop(): Promise<void> {
    await Promise.all([this.sourceDatabase.close(), this.targetDatabase.close()]);
    await Promise.all([this.source.drop(), this.target.drop()]);
  }
}

/** Plans the chunks of a table pair and compares them all, `concurrency` at a time. */
export async function findDifferences(
  { comparison, sides }: Inspected,
  chunkRows: number,
  concurrency = 1,
): Promise<readonly Difference[]> {
  const chunks = [...(await planChunks(comparison, sides, chunkRows))];
  const found: Difference[] = [];
  const lane = async () => {
    for (let chunk = chunks.pop(); chunk; chunk = chunks.pop()) {
      await compareChunk(comparison, sides, chunk, async (differences) => void found.push(...differences));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  return found;
}

/** Differences in a form to compare: `type key [columns]`, sorted. */
export function namesOf(differences: readonly Difference[]): string[] {
  return differences
    .map(({ type, key, differences: columns }) =>
      [type, JSON.stringify(Object.values(key)), ...columns.map(({ name }) => name).sort()].join(' '),
    )
    .sort();
}
