import type { Queryable } from '../../database/connection';
import { compareChunk } from '../../engine/compare-chunk';
import { planChunks } from '../../engine/plan-chunks';
import { bucketCount, sliceLayout } from '../../engine/slice';
import { EnginePair } from '../support/engine';

describe('a table that is not cut along an index', () => {
  let pair: EnginePair;
  beforeAll(async () => {
    pair = await EnginePair.create('buckets');
    // As little as a server has for very many sessions.
    await pair.source.query(`alter database "${pair.source.name}" set work_mem = '64kB'`);
    await pair.both(`create table t (k text collate "de-x-icu" not null, a int); create view v as select * from t;
      insert into t select 'k' || i, i from generate_series(1, 20000) as i; analyze t`);
  });
  afterAll(() => pair.drop());

  it('has slices for a hundred rows each, within what a server groups in memory', () => {
    expect([0, 1, 6_400, 20_000, 1_000_000, 1e9].map(bucketCount)).toEqual([64, 64, 64, 256, 8_192, 65_536]);
  });

  it.each(['t', 'v'])('is one chunk, whose slices are fixed when it is planned: %s', async (table) => {
    const { comparison, sides } = await pair.inspect(table, { key: ['k'] });
    const chunks = await planChunks(comparison, sides, 10);
    expect(chunks).toEqual([{ kind: 'buckets', from: null, to: null, low: null, high: null, slices: 256 }]);
    for (const chunk of chunks) expect(sliceLayout(comparison, chunk)).toEqual({ kind: 'hash', count: 256 });
  });

  it('is summed up in one scan, without a sort of its rows', async () => {
    const { comparison, sides } = await pair.inspect('t', { key: ['k'] });
    const [chunk] = await planChunks(comparison, sides, 10);
    if (!chunk) throw new Error('no chunk');
    const plans: string[] = [];
    const { database } = sides.source;
    const explaining = Object.assign(Object.create(database) as typeof database, {
      withTransaction: <T>(
        mode: 'read write' | 'repeatable read, read only',
        use: (session: Queryable) => Promise<T>,
        signal?: AbortSignal,
      ) =>
        database.withTransaction(
          mode,
          (session) =>
            use({
              query: async (text, values) => {
                if (/group by/.test(text)) {
                  const { rows } = await session.query<Record<'QUERY PLAN', string>>(`explain ${text}`, values);
                  plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
                }
                return session.query(text, values);
              },
            }),
          signal,
        ),
    });
    const observed = { ...sides, source: { ...sides.source, database: explaining } };
    const result = await compareChunk(comparison, observed, chunk, async () => undefined);
    expect(result).toEqual({ rowsSource: 20_000, rowsTarget: 20_000, differing: 0 });
    expect(plans).toHaveLength(1);
    expect(plans[0]).toMatch(/HashAggregate/);
    expect(plans[0]).not.toMatch(/Sort/);
  });
});
