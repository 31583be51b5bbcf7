import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { aggregateTable } from '../../activities/aggregate';
import { compareChunks, planChunks } from '../../activities/compare';
import { settleCandidates } from '../../activities/settle';
import { openRun } from '../../activities/open-run';
import { Resources } from '../../activities/resources';
import type { StepContext } from '../../activities/step';
import type { HashMethod, Strategy } from '../../contracts/comparison';
import { TrueupError } from '../../contracts/errors';
import { readComparison } from '../../ledger/run';
import { EnginePair } from '../support/engine';
import {
  GeneratedPair,
  generatedTables,
  optionsOf,
  oracle,
  rowsOf,
  type Found,
  type GeneratedTables,
} from '../support/generated-tables';
import { cases } from '../support/runs';

/**
 * What happens to an attempt after so many milliseconds: it is cancelled, the server ends one of its sessions, or its
 * worker is taken for dead, goes on all the same, and another attempt begins.
 */
interface Interruption {
  readonly how: 'cancelled' | 'source session ended' | 'target session ended' | 'taken for dead';
  readonly afterMs: number;
}

interface Way {
  readonly chunkRows: number;
  readonly lanes: number;
  readonly span: number;
  readonly hash: HashMethod;
  readonly strategy: Strategy;
  /** The attempts at the steps of the run take one each, in turn; null: nothing happens. */
  readonly interruptions: readonly (Interruption | null)[];
}

const ways: fc.Arbitrary<Way> = fc.record({
  chunkRows: fc.constantFrom(1, 7, 7, 1_000, 50_000),
  lanes: fc.constantFrom(1, 8),
  span: fc.constantFrom(1, 3, 1_000),
  hash: fc.constantFrom('native-14', 'native-18', 'portable'),
  strategy: fc.constantFrom('ranges', 'ranges', 'buckets'),
  interruptions: fc.array(
    fc.option(
      fc.record({
        how: fc.constantFrom('cancelled', 'source session ended', 'target session ended', 'taken for dead'),
        afterMs: fc.nat(20),
      }),
      { freq: 3 },
    ),
    { minLength: 10, maxLength: 30 },
  ),
});

const SETTLE_ATTEMPTS = 2;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('the findings in the ledger', () => {
  let pair: EnginePair;
  let generated: GeneratedPair;
  let folder: string;
  let resources: Resources;
  let runs = 0;
  const broken = new Map<string, number>();
  const stray: Promise<unknown>[] = [];

  beforeAll(async () => {
    pair = await EnginePair.create('invariance_retry', {
      sourceOptions: `encoding 'UTF8' locale_provider icu icu_locale 'sv' locale 'C'`,
      targetOptions: `encoding 'UTF8' locale 'C'`,
    });
    generated = await GeneratedPair.create(pair.source, pair.target);
    folder = mkdtempSync(join(tmpdir(), 'trueup-invariance-'));
    resources = new Resources({ configPath: join(folder, 'trueup.yaml'), concurrency: 8, searchAttributes: false });
  });
  afterAll(async () => {
    await resources.close();
    await pair.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Opens a run of the tables, which compares them in the given way. */
  async function opened(tables: GeneratedTables, way: Way): Promise<string> {
    const options = optionsOf(tables);
    const config = {
      connections: { legacy: { url: pair.source.url }, modern: { url: pair.target.url } },
      defaults: {
        source: 'legacy',
        target: 'modern',
        chunkRows: way.chunkRows,
        settle: { delay: '1ms', attempts: SETTLE_ATTEMPTS },
      },
      tables: [
        { name: 't', source: 'public.t', exclude: options.exclude, ...(options.key ? { key: options.key } : {}) },
      ],
    };
    writeFileSync(join(folder, 'trueup.yaml'), JSON.stringify(config));
    const workflowId = `run-${(runs += 1)}`;
    const request = { input: {}, workflowId, firstExecutionRunId: `${workflowId}-execution` };
    const { runId } = await retried(() => openRun(resources, request));
    const ledger = await resources.ledger();
    const known = await retried(() => readComparison(ledger, runId, 't'));
    const strategy = known?.strategy === 'ranges' && known.key.length > 0 ? way.strategy : known?.strategy;
    await pair.target.query(`update trueup.run_table set comparison = comparison || $2::jsonb where run_id = $1`, [
      runId,
      JSON.stringify({ hash: way.hash, strategy }),
    ]);
    return runId;
  }

  /** As Temporal retries an activity: sessions that were ended in the pool may fail the next few attempts. */
  async function retried<T>(act: () => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries += 1) {
      try {
        return await act();
      } catch (error) {
        if (!(error instanceof TrueupError && error.retryable) || tries === 20) throw error;
        await pause(5);
      }
    }
  }

  async function endSession(side: 'source' | 'target'): Promise<void> {
    await pair[side].query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'trueup' order by state = 'idle', random() limit 1`,
    );
  }

  /** Runs a step to its end, through the interruptions that are next in the list. */
  async function throughAll<T>(
    interruptions: (Interruption | null)[],
    act: (context: StepContext) => Promise<T>,
  ): Promise<T> {
    for (let next = interruptions.shift(); next; next = interruptions.shift()) {
      const controller = new AbortController();
      const attempt = act({ signal: controller.signal, report: () => undefined });
      const ended = attempt.then(
        () => true,
        () => false,
      );
      const isUnderWay = await Promise.race([ended.then(() => false), pause(next.afterMs).then(() => true)]);
      if (next.how === 'taken for dead') {
        stray.push(ended);
        if (isUnderWay) broken.set(next.how, (broken.get(next.how) ?? 0) + 1);
        continue;
      }
      if (next.how === 'cancelled') controller.abort(new Error('cancelled'));
      else await endSession(next.how === 'source session ended' ? 'source' : 'target');
      if (await ended) return attempt;
      broken.set(next.how, (broken.get(next.how) ?? 0) + 1);
    }
    return retried(() => act({ signal: new AbortController().signal, report: () => undefined }));
  }

  async function compareTable(runId: string, { lanes, span, interruptions }: Way) {
    const left = [...interruptions];
    const table = { runId, table: 't' };
    const { chunks } = await throughAll(left, (context) => planChunks(resources, table, context));
    const spans = Array.from({ length: Math.ceil(chunks / span) }, (_, i) => ({
      from: i * span,
      until: Math.min((i + 1) * span, chunks),
    }));
    const lane = async () => {
      for (let next = spans.shift(); next; next = spans.shift()) {
        const of = { ...table, ...next };
        await throughAll(left, (context) => compareChunks(resources, of, context));
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    for (let attempt = 1; attempt <= SETTLE_ATTEMPTS + 1; attempt += 1) {
      await throughAll(left, (context) => settleCandidates(resources, { ...table, attempt }, context));
    }
    return throughAll(left, () => aggregateTable(resources, table));
  }

  async function findings(runId: string): Promise<readonly Found[]> {
    const rows = await pair.target.query(
      `select inconsistency_type, record_key, columns, counts from trueup.reconciliation_log where run_id = $1`,
      [runId],
    );
    return rows.map((row) => ({
      type: row['inconsistency_type'] as Found['type'],
      key: JSON.parse(row['record_key'] ?? '{}') as Found['key'],
      columns: JSON.parse(row['columns'] ?? '[]') as string[],
      counts: JSON.parse(row['counts'] ?? 'null') as Found['counts'],
    }));
  }

  it('are exactly what differs, however often attempts at a step were broken off', async () => {
    let ran = 0;
    await fc.assert(
      fc.asyncProperty(generatedTables(60), ways, async (tables, way) => {
        ran += 1;
        const rows = rowsOf(tables);
        await generated.fill(tables, rows);
        const runId = await opened(tables, way);
        const { transient, unsettled, rowsSource, rowsTarget, chunks, chunksDone } = await compareTable(runId, way);
        const expected = oracle(tables, rows);
        expect(generated.namesOf(tables, await findings(runId))).toEqual(expected);
        expect({ transient, unsettled, rowsSource, rowsTarget, left: chunks - chunksDone }).toEqual({
          transient: 0,
          unsettled: 0,
          rowsSource: rows.source.length,
          rowsTarget: rows.target.length,
          left: 0,
        });
        // Attempts that nobody waits for any more come to their end, too, and change nothing.
        await Promise.all(stray.splice(0));
        expect(generated.namesOf(tables, await findings(runId))).toEqual(expected);
      }),
      {
        seed: Number(process.env['TRUEUP_TEST_SEED'] ?? 20_260_301),
        numRuns: cases(30),
        endOnFailure: true,
      },
    );
    expect(ran).toBe(cases(30));
    // Each kind did break off attempts, or nothing was shown.
    const kinds = ['cancelled', 'source session ended', 'taken for dead', 'target session ended'];
    expect([...broken.keys()].sort()).toEqual(kinds);
  });
});
