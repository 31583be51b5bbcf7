import { aggregateTable } from '../../activities/aggregate';
import { compareChunks, planChunks } from '../../activities/compare';
import { openRun } from '../../activities/open-run';
import { settleCandidates } from '../../activities/settle';
import { CorrectionRun } from '../support/correction-run';

const AUTO = 'corrections: { missing: auto, mismatched: auto, extra: auto }';
const ATTEMPTS = 2;
const context = { signal: new AbortController().signal, report: () => undefined };

interface Way {
  readonly chunkRows: number;
  readonly lanes: number;
  readonly span: number;
  /** How often each step is carried out: a retry comes upon what an earlier attempt has done. */
  readonly times: number;
}

const WAYS: readonly Way[] = [
  { chunkRows: 1, lanes: 8, span: 3, times: 1 },
  { chunkRows: 2, lanes: 1, span: 1_000, times: 2 },
  { chunkRows: 7, lanes: 3, span: 1, times: 2 },
  { chunkRows: 1_000, lanes: 1, span: 1, times: 1 },
];

interface KeyedRow {
  readonly k: string;
  readonly n: number;
}

/** Keys far apart in byte order, most of them on both sides; the spelling and the value of a row depend on its number alone. */
function generated(count: number): { readonly source: readonly KeyedRow[]; readonly target: readonly KeyedRow[] } {
  const source: KeyedRow[] = [];
  const target: KeyedRow[] = [];
  for (let i = 0; i < count; i += 1) {
    const word = `${'zqaxmb'[i % 6] ?? ''}ed${i}`;
    if (i % 11 !== 0) source.push({ k: i % 3 === 0 ? word.toUpperCase() : word, n: i });
    if (i % 13 !== 0) target.push({ k: i % 5 === 0 ? word.toUpperCase() : word, n: i % 7 === 0 ? -i : i });
  }
  return { source, target };
}

const byKey = (rows: readonly KeyedRow[]) => {
  const found = new Map<string, KeyedRow[]>();
  for (const row of rows) found.set(row.k.toLowerCase(), [...(found.get(row.k.toLowerCase()) ?? []), row]);
  return found;
};

/**
 * What differs between two tables whose keys are equal without regard to case, and the rows for which nothing is planned.
 * A row is named by the source's spelling, or by the target's where the source alone takes both for one.
 */
function oracle(source: readonly KeyedRow[], target: readonly KeyedRow[], underTarget: boolean): readonly string[] {
  const [ofSource, ofTarget] = [byKey(source), byKey(target)];
  return [...new Set([...ofSource.keys(), ...ofTarget.keys()])]
    .flatMap((key) => {
      const [there] = ofTarget.get(key) ?? [];
      const here = ofSource.get(key) ?? [];
      if (!there) return here.map(({ k }) => `missing_in_target ${k} []${here.length > 1 ? ' held' : ''}`);
      const [first] = here;
      if (!first) return [`extra_in_target ${there.k} []`];
      const same = here.length === 1 ? first : here.find(({ k }) => k === there.k);
      const held = here.filter((row) => row !== same).map(({ k }) => `missing_in_target ${k} [] held`);
      if (!same) return held;
      const columns = [...(same.k === there.k ? [] : ['"k"']), ...(same.n === there.n ? [] : ['"n"'])];
      return [
        ...(columns.length === 0 ? [] : [`field_mismatch ${(underTarget ? there : same).k} [${columns.join(', ')}]`]),
        ...held,
      ];
    })
    .sort();
}

describe('rows whose keys are spelt otherwise, or that lie in the filter of one side only', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await CorrectionRun.create('key_invariance');
  });
  afterAll(() => run.drop());

  async function compared(table: string, { lanes, span, times }: Way): Promise<string> {
    const workflowId = `way-${Math.random()}`;
    const { runId } = await openRun(run.resources, {
      input: { apply: true },
      workflowId,
      firstExecutionRunId: `${workflowId}-execution`,
    });
    const step = { runId, table };
    const often = async (act: () => Promise<unknown>) => {
      await Promise.all(Array.from({ length: times }, act));
      if (times > 1) await act();
    };
    const { chunks } = await planChunks(run.resources, step, context);
    const spans = Array.from({ length: Math.ceil(chunks / span) }, (_, i) => i * span).reverse();
    const lane = async () => {
      for (let from = spans.shift(); from !== undefined; from = spans.shift()) {
        const of = { ...step, from, until: Math.min(from + span, chunks) };
        await often(() => compareChunks(run.resources, of, context));
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    for (let attempt = 1; attempt <= ATTEMPTS + 1; attempt += 1) {
      await often(() => settleCandidates(run.resources, { ...step, attempt }, context));
    }
    await often(() => aggregateTable(run.resources, step));
    return runId;
  }

  const findings = async (runId: string) =>
    (
      await run.target.query(
        `select inconsistency_type || ' ' || array_to_string(array(select value from jsonb_each_text(record_key)), ',') || ' '
                || columns::text || case when held then ' held' else '' end as said
           from trueup.reconciliation_log where run_id = $1`,
        [runId],
      )
    )
      .map(({ said }) => said ?? '')
      .sort();

  const reset = (way: Way, table: string) =>
    run.reset(
      `[{ name: t, source: public.t, ${AUTO}${table} }]`,
      `, chunkRows: ${way.chunkRows}, concurrency: ${way.lanes}, settle: { delay: 1ms, attempts: ${ATTEMPTS} }`,
    );

  const fill = async (side: 'source' | 'target', rows: readonly KeyedRow[]) =>
    run[side].query('insert into t select * from unnest($1::text[], $2::int[])', [
      rows.map(({ k }) => k),
      rows.map(({ n }) => n),
    ]);

  /** In each of the ways: what was found and planned. */
  async function inEachWay(table: string, fillBoth: () => Promise<unknown>) {
    const digests = new Set<string>();
    const found = [];
    for (const way of WAYS) {
      await reset(way, table);
      await fillBoth();
      const runId = await compared('t', way);
      found.push(await findings(runId));
      const { digest } = await run.freeze(runId);
      digests.add(digest);
      expect((await run.freeze(runId)).digest).toBe(digest);
      if (way !== WAYS.at(-1)) continue;
      const before = await run.contents('t');
      const entries = await run.apply(runId, digest);
      expect(entries.filter(({ status }) => status !== 'SUCCESS')).toEqual([]);
      return { found, digests, before, runId, entries };
    }
    throw new Error('there is no way');
  }

  it.each([
    ['citext', 'public.citext', 'public.citext'],
    ['text and citext', 'text', 'public.citext'],
    ['citext and text', 'public.citext', 'text'],
  ])('are the same findings and plan, however the table is cut up: %s', async (_, ofSource, ofTarget) => {
    const { source, target } = generated(90);
    const twice = [
      { k: 'Two', n: 1 },
      { k: 'two', n: 2 },
      { k: 'ALONE', n: 1 },
      { k: 'alone', n: 1 },
      { k: 'mid', n: 3 },
      { k: 'MID', n: 3 },
    ];
    const rows = {
      source: [...source, ...(ofSource === 'text' ? twice : [])],
      target: [
        ...target,
        ...(ofSource === 'text'
          ? [
              { k: 'TWO', n: 1 },
              { k: 'mid', n: 4 },
            ]
          : []),
      ],
    };
    const { found, digests, before, runId } = await inEachWay('', async () => {
      await run.both('create extension citext schema public');
      await run.source.query(`create table t (k ${ofSource} primary key, n int)`);
      await run.target.query(`create table t (k ${ofTarget} primary key, n int)`);
      await fill('source', rows.source);
      await fill('target', rows.target);
    });
    const expected = oracle(rows.source, rows.target, ofTarget === 'text');
    expect(found).toEqual(WAYS.map(() => expected));
    expect(digests.size).toBe(1);
    const values = (all: readonly KeyedRow[]) => all.map(({ k, n }) => `${k.toLowerCase()} ${n}`).sort();
    const after = await run.target.query('select k::text, n from t');
    const isHeld = ({ k }: KeyedRow) => ['two', 'alone', 'mid'].includes(k.toLowerCase());
    const others = after.map(({ k, n }) => ({ k: k ?? '', n: Number(n) })).filter((row) => !isHeld(row));
    expect(values(others)).toEqual(values(source));
    expect((await run.undo(runId)).filter(({ status }) => status !== 'SUCCESS')).toEqual([]);
    expect(await run.contents('t')).toBe(before);
  });

  it('are the same findings and plan, however the table is cut up: rows in the filter of one side only', async () => {
    const setUp = async () => {
      await run.both('create table t (k text primary key, n int, state text)');
      await run.source.query(`insert into t select 'k' || g, g, case when g % 3 = 0 then 'closed' else 'open' end
                                from generate_series(1, 120) g where g % 11 <> 0`);
      await run.target.query(`insert into t select 'k' || g, case when g % 7 = 0 then -g else g end,
                                                   case when g % 5 = 0 then 'closed' else 'open' end
                                from generate_series(1, 120) g where g % 13 <> 0`);
    };
    const { found, digests, before, runId } = await inEachWay(`, where: "state = 'open'"`, setUp);
    const expected: string[] = [];
    for (let g = 1; g <= 120; g += 1) {
      const [here, there] = [g % 11 !== 0, g % 13 !== 0];
      const [isOpen, isOpenThere] = [here && g % 3 !== 0, there && g % 5 !== 0];
      if (!isOpen && !isOpenThere) continue;
      if (!here) expected.push(`extra_in_target k${g} []`);
      else if (!there) expected.push(`missing_in_target k${g} []`);
      else {
        const columns = [...(g % 7 === 0 ? ['"n"'] : []), ...(isOpen === isOpenThere ? [] : ['"state"'])];
        if (columns.length > 0) expected.push(`field_mismatch k${g} [${columns.join(', ')}]`);
      }
    }
    expect(found).toEqual(WAYS.map(() => expected.sort()));
    expect(digests.size).toBe(1);
    expect((await run.undo(runId)).filter(({ status }) => status !== 'SUCCESS')).toEqual([]);
    expect(await run.contents('t')).toBe(before);
  });

  it('are read again under both spellings while they settle', async () => {
    await run.reset(`[{ name: t, source: public.t, ${AUTO} }]`, `, settle: { delay: 1ms, attempts: ${ATTEMPTS} }`);
    await run.both('create extension citext schema public');
    await run.source.query(
      `create table t (k text primary key, n int); insert into t values ('a', 1), ('b', 1), ('c', 1), ('d', 1)`,
    );
    await run.target.query(
      `create table t (k public.citext primary key, n int); insert into t values ('A', 1), ('B', 2), ('C', 2)`,
    );
    const { runId } = await openRun(run.resources, {
      input: { apply: true },
      workflowId: 'settling',
      firstExecutionRunId: 'settling-execution',
    });
    const step = { runId, table: 't' };
    const { chunks } = await planChunks(run.resources, step, context);
    await compareChunks(run.resources, { ...step, from: 0, until: chunks }, context);
    // One heals, one becomes two rows of the source that are one key, one loses its row, and one gets one.
    await run.target.query(
      `update t set k = 'a' where k = 'A'; delete from t where k = 'C'; insert into t values ('D', 1)`,
    );
    await run.source.query(`insert into t values ('B', 2)`);
    for (let attempt = 1; attempt <= ATTEMPTS + 1; attempt += 1) {
      await settleCandidates(run.resources, { ...step, attempt }, context);
      await settleCandidates(run.resources, { ...step, attempt }, context);
    }
    await aggregateTable(run.resources, step);
    expect(await findings(runId)).toEqual([
      'field_mismatch d ["k"]',
      'missing_in_target b [] held',
      'missing_in_target c []',
    ]);
  });
});
