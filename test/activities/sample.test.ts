import type { TestDatabase } from '../support/database';
import { readRunReport } from '../../ledger/report';
import { summaryLines } from '../../client/render/summary';
import { colorsFor } from '../../client/render/colors';
import { found, modeRun, opened } from '../support/mode-run';
import { OneTable } from '../support/one-table';

const SETTLE = 'settle: { delay: 1ms, attempts: 1 }, corrections: { extra: auto, mismatched: auto }';
let one: OneTable;
beforeAll(async () => {
  one = await OneTable.create('sample');
  for (const side of [one.source, one.target]) await side.query('alter table t add v text');
});
afterAll(() => one.drop());
beforeEach(async () => {
  one.configure(`[{ name: t, ${SETTLE} }]`);
  await both(`truncate t; insert into t select g * 1000, 'v' from generate_series(1, 2000) g`);
});

async function both(sql: string) {
  for (const side of [one.source, one.target]) await side.query(sql);
}
const textOf = async (runId: string) => {
  const report = await readRunReport(await one.resources.ledger(), runId);
  if (!report) throw new Error(`no run ${runId}`);
  return { report, text: summaryLines(report, colorsFor(false, {})).join('\n') };
};

describe('a run by sample', () => {
  it('that finds nothing does not say that all is equal', async () => {
    const run = await modeRun(one, { mode: 'sample', sample: { seed: 5 } });
    expect(run.table).toMatchObject({ status: 'consistent', compared: 'a sample', rowsSource: 323, rowsTarget: 323 });
    // SciPy 1.17.1: beta.ppf(0.975, 1, 323).
    expect(run.table.estimate).toMatchObject({
      ...{ population: 2_000, sampled: 323, errors: 0, rate: 0, total: 0, whole: false, seed: 5 },
      ...{ confidence: 0.95, margin: 0.05, recommendation: 'acceptable', totalInterval: [0, 23] },
    });
    expect(run.table.estimate?.rateInterval[1]).toBeCloseTo(0.011355711028193237, 10);
    const { report, text } = await textOf(run.runId);
    expect(report.tables[0]).toEqual(run.table);
    expect(text).toContain('no difference in the sample');
    expect(text).toMatch(
      /0 of 323 rows differ; of all rows, with 95 % confidence, 0 % to 1.14 % \(0 to 23 rows, about 0\)/,
    );
    expect(text).not.toMatch(/\b(consistent|match|all equal)\b/);
  });

  it('estimates what it did not read, the same with the same seed', async () => {
    await one.target.query(`delete from t where id % 10000 = 0; update t set v = 'x' where id % 10000 = 1000`);
    await one.target.query(`insert into t select -g, 'extra' from generate_series(1, 200) g`);
    const input = { mode: 'sample', sample: { rows: 1_000, seed: 1 } } as const;
    const run = await modeRun(one, input);
    const { estimate } = run.table;
    // 200 missing, 200 mismatched, 200 extra, of 2,200.
    expect(estimate).toMatchObject({ sampled: 1_000, recommendation: 'poor' });
    expect(estimate?.totalInterval[0]).toBeLessThan(600);
    expect(estimate?.totalInterval[1]).toBeGreaterThan(600);
    expect(Math.abs((estimate?.population ?? 0) - 2_200)).toBeLessThan(100);
    const again = await modeRun(one, input);
    expect(found(again)).toEqual(found(run));
    expect(again.table.estimate).toEqual(estimate);
    const other = await modeRun(one, { mode: 'sample', sample: { rows: 1_000, seed: 2 } });
    expect(found(other)).not.toEqual(found(run));
    const mine = await modeRun(one, { mode: 'sample' });
    expect(mine.table.estimate?.seed).not.toBe((await modeRun(one, { mode: 'sample' })).table.estimate?.seed);
  });

  it('corrects what it found, and nothing else', async () => {
    await one.target.query(`update t set v = 'x'; insert into t values (1, 'extra')`);
    const run = await modeRun(one, { mode: 'sample', sample: { rows: 200, seed: 3 }, apply: true });
    expect(run.findings).toHaveLength(200);
    expect(await one.target.query(`select count(*) as n from t where v = 'v'`)).toEqual([
      { n: String(run.findings.filter(({ type }) => type === 'field_mismatch').length) },
    ]);
  });

  it.each([
    ['no row', 'truncate t', 0],
    ['one row', 'delete from t where id > 1000', 1],
  ])('of %s is exact', async (_, sql, rows) => {
    await both(sql);
    const { table } = await modeRun(one, { mode: 'sample' });
    expect(table.estimate).toMatchObject({ population: rows, sampled: rows, whole: true, rateInterval: [0, 0] });
    expect(table.notes.join()).toBe(`the sample is the whole table: 0 of ${rows} rows differ`);
  });

  it('of a table that only one side has rows of', async () => {
    await one.target.query('truncate t');
    const { table } = await modeRun(one, { mode: 'sample', sample: { rows: 100 } });
    expect(table.estimate).toMatchObject({ population: 2_000, errors: 100, total: 2_000, recommendation: 'poor' });
    expect(table.estimate?.totalInterval[1]).toBe(2_000);
  });

  it('takes over from another the same sample', async () => {
    one.configure(`[{ name: t, ${SETTLE} }]`, 'sample: { rows: 150, confidence: 0.99 }');
    const first = await modeRun(one, { mode: 'sample' }, { end: null });
    await one.target.query('update trueup.run_table set status = $2 where run_id = $1', [first.runId, 'incomplete']);
    one.configure(`[{ name: t, ${SETTLE} }]`, 'sample: { rows: 20, seed: 1 }');
    const resumed = await modeRun(one, { resume: first.runId });
    expect(resumed.table).toMatchObject({ compared: 'a sample' });
    expect(resumed.table.estimate).toEqual(first.table.estimate);
    expect(resumed.table.estimate).toMatchObject({ sampled: 150, confidence: 0.99 });
  });
});

describe('rows that no key tells apart', () => {
  const rows = (side: TestDatabase, sql: string) =>
    side.query(`drop table if exists n; create table n (id int unique, v text); ${sql}`);
  const NULLS = `insert into n values (null, 'a'), (null, 'b'), (1, 'c')`;
  const TABLE = `[{ name: n, source: public.n, settle: { delay: 1ms, attempts: 1 }, corrections: { missing: review } }]`;

  it('are not sampled, and an entry of theirs in the review queue stays open', async () => {
    one.configure(TABLE);
    await rows(one.source, NULLS);
    await rows(one.target, `insert into n values (null, 'a'), (1, 'c')`);
    await modeRun(one, {}, {}, 'n');
    const pending = () => one.target.query(`select status from trueup.manual_review_queue where table_name = 'n'`);
    expect(await pending()).toEqual([{ status: 'PENDING' }]);
    const sampled = await modeRun(one, { mode: 'sample' }, {}, 'n');
    expect(sampled.findings).toEqual([]);
    expect(sampled.table.notes).toContain('rows whose key is NULL were not sampled');
    expect(await pending()).toEqual([{ status: 'PENDING' }]);
    await one.target.query(`insert into n values (null, 'b')`);
    await modeRun(one, {}, {}, 'n');
    expect(await pending()).toEqual([{ status: 'HEALED' }]);
  });

  it('are compared in full where they are all there is', async () => {
    one.configure(TABLE);
    for (const side of [one.source, one.target]) {
      await side.query(`drop table if exists n; create table n (v text); insert into n values ('a'), ('a'), ('b')`);
    }
    const { table } = await modeRun(one, { mode: 'sample' }, {}, 'n');
    expect(table).toMatchObject({ status: 'consistent', rowsSource: 3 });
    expect(table).not.toHaveProperty('compared');
    expect(table.notes).toContain('all rows were compared: no key tells them apart');
  });
});

it('a sample is refused that is none', async () => {
  one.configure(`[{ name: t }]`, 'sample: { margin: 0.01 }');
  const { table } = await modeRun(one, { mode: 'sample' });
  expect(table.estimate).toMatchObject({ margin: 0.01, sampled: 1_656 });
  await expect(opened(one, { mode: 'sample', tables: ['x'] })).rejects.toMatchObject({ code: 'TABLE_UNKNOWN' });
});
