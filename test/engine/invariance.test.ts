import fc from 'fast-check';
import type { Comparison, HashMethod, Strategy } from '../../contracts/comparison';
import { sideOf } from '../../engine/side';
import { EnginePair, findDifferences } from '../support/engine';
import { GeneratedPair, generatedTables, optionsOf, oracle, rowsOf } from '../support/generated-tables';
import { cases } from '../support/runs';

const CHUNK_ROWS = [1, 7, 1_000, 50_000] as const;
const CONCURRENCY = [1, 8] as const;
const HASHES: readonly HashMethod[] = ['native-14', 'native-18', 'portable'];
const STRATEGIES: readonly Strategy[] = ['ranges', 'buckets'];

/** Every way to compare that a comparison leaves open; where no index gives an order, ranges are none of them. */
function waysOf({ strategy, key }: Comparison) {
  const possible = strategy === 'ranges' && key.length > 0 ? STRATEGIES : [strategy];
  return CHUNK_ROWS.flatMap((chunkRows) =>
    CONCURRENCY.flatMap((concurrency) =>
      HASHES.flatMap((hash) => possible.map((chosen) => ({ chunkRows, concurrency, hash, strategy: chosen }))),
    ),
  );
}

describe('the findings of a comparison', () => {
  let pair: EnginePair;
  let generated: GeneratedPair;
  beforeAll(async () => {
    pair = await EnginePair.create('invariance', {
      sourceOptions: `encoding 'UTF8' locale_provider icu icu_locale 'sv' locale 'C'`,
      targetOptions: `encoding 'UTF8' locale 'C'`,
      maxConnections: 8,
    });
    generated = await GeneratedPair.create(pair.source, pair.target);
  });
  afterAll(() => pair.drop());

  it('are exactly what differs, for every size of chunks, concurrency, hash and strategy', async () => {
    const tried = new Set<string>();
    let ran = 0;
    await fc.assert(
      fc.asyncProperty(generatedTables(50), async (tables) => {
        ran += 1;
        const rows = rowsOf(tables);
        await generated.fill(tables, rows);
        const expected = oracle(tables, rows);
        const inspected = await pair.inspect('t', optionsOf(tables));
        for (const { chunkRows, concurrency, hash, strategy } of waysOf(inspected.comparison)) {
          const comparison = { ...inspected.comparison, hash, strategy };
          const sides = {
            source: sideOf(comparison, 'source', pair.sourceDatabase),
            target: sideOf(comparison, 'target', pair.targetDatabase),
          };
          const differences = await findDifferences({ comparison, sides }, chunkRows, concurrency);
          const found = generated.namesOf(
            tables,
            differences.map((one) => ({ ...one, columns: one.differences.map(({ name }) => name) })),
          );
          const way = { chunkRows, concurrency, hash, strategy };
          expect({ ...way, found }).toEqual({ ...way, found: expected });
          tried.add(JSON.stringify(way));
        }
      }),
      {
        seed: Number(process.env['TRUEUP_TEST_SEED'] ?? 20_260_301),
        numRuns: cases(30),
      },
    );
    expect(ran).toBe(cases(30));
    expect(tried.size).toBe(CHUNK_ROWS.length * CONCURRENCY.length * HASHES.length * STRATEGIES.length);
  });
});
