import { PostgresServer } from '../../client/embedded/postgres-server';
import type { ChunkRange } from '../../contracts/chunk';
import type { Difference } from '../../contracts/difference';
import { planChunks } from '../../engine/plan-chunks';
import { EnginePair, findDifferences, namesOf, type PairOptions } from './engine';

/** What each test of keys compares under: findings may not depend on it. */
export const CHUNK_ROWS = [1, 7, 50_000] as const;

export interface Found {
  readonly names: readonly string[];
  readonly kinds: readonly ChunkRange['kind'][];
  readonly differences: readonly Difference[];
}

/**
 * A source on PostgreSQL 14, sorted byte by byte, and a target on PostgreSQL 18, sorted by ICU's German rules, with
 * other time zones and forms of values.
 */
export class TwoServers {
  private constructor(
    readonly old: PostgresServer,
    readonly pair: EnginePair,
  ) {}

  static async start(name: string): Promise<TwoServers> {
    const old = await PostgresServer.start({ version: 'pg14' });
    try {
      const pair = await EnginePair.create(name, {
        sourceServer: old.url(),
        targetOptions: `encoding 'UTF8' locale_provider icu icu_locale 'de' locale 'C'`,
      });
      await pair.source.query(settings(pair.source.name, 'America/St_Johns', 'SQL, DMY', 'sql_standard', 'escape'));
      await pair.target.query(settings(pair.target.name, 'Asia/Kathmandu', 'German', 'iso_8601', 'hex'));
      return new TwoServers(old, pair);
    } catch (error) {
      await old.remove();
      throw error;
    }
  }

  /** The differences of a table pair, the same for every size of chunks, and the kinds of chunks of the smallest. */
  async found(table: string, options: PairOptions = {}): Promise<Found> {
    await Promise.all([this.pair.source.query('analyze'), this.pair.target.query('analyze')]);
    const inspected = await this.pair.inspect(table, options);
    const { comparison, sides } = inspected;
    const differences = await findDifferences(inspected, 50_000);
    const names = namesOf(differences);
    for (const chunkRows of CHUNK_ROWS) {
      expect({ chunkRows, names: namesOf(await findDifferences(inspected, chunkRows, 4)) }).toEqual({
        chunkRows,
        names,
      });
    }
    const kinds = (await planChunks(comparison, sides, CHUNK_ROWS[0])).map(({ kind }) => kind);
    return { names, kinds: [...new Set(kinds)], differences };
  }

  async clean(): Promise<void> {
    await this.pair.both('drop schema public cascade; create schema public');
  }

  async remove(): Promise<void> {
    await this.pair.drop();
    await this.old.remove();
  }
}

function settings(database: string, zone: string, date: string, interval: string, bytea: string): string {
  return Object.entries({
    timezone: zone,
    datestyle: date,
    intervalstyle: interval,
    bytea_output: bytea,
    extra_float_digits: '0',
  })
    .map(([name, value]) => `alter database "${database}" set ${name} = '${value}'`)
    .join('; ');
}
