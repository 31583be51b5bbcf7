import { rmSync } from 'node:fs';
import { PostgresServer } from '../../client/embedded/postgres-server';
import { openRun } from '../../activities/open-run';
import { moneyUnknown } from '../../engine/money';
import { CorrectionRun } from '../support/correction-run';
import { makeLocales } from '../support/locales';

const [JAPAN, BAHRAIN] = ['ja_JP.UTF-8', 'ar_BH.UTF-8'];
const AUTO = 'corrections: { missing: auto, mismatched: auto, extra: auto }, guard: { rows: 100000, percent: 100 }';
const TABLE = (more = '') => `[{ name: t, ${AUTO}${more} }]`;

let server: PostgresServer;
let folder: string;
const before = process.env['TRUEUP_TEST_POSTGRES_URL'];
beforeAll(async () => {
  folder = await makeLocales([JAPAN, BAHRAIN]);
  process.env['LOCPATH'] = folder;
  try {
    server = await PostgresServer.start({});
  } finally {
    delete process.env['LOCPATH'];
  }
  process.env['TRUEUP_TEST_POSTGRES_URL'] = server.url();
});
afterAll(async () => {
  process.env['TRUEUP_TEST_POSTGRES_URL'] = before;
  await server.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Two databases whose own amounts are those of these locales. */
async function databases(source: string, target: string, ofRole = false): Promise<CorrectionRun> {
  const run = await CorrectionRun.create('money');
  for (const [{ query, name }, locale] of [
    [run.source, source],
    [run.target, target],
  ] as const) {
    await query(`alter ${ofRole ? 'role postgres in ' : ''}database "${name}" set lc_monetary = '${locale}'`);
    await query(`set lc_monetary = '${locale}'`);
  }
  return run;
}
const correct = async (run: CorrectionRun) => {
  const { runId, entries } = await run.correct('money');
  const { notes } = await run.resources.comparison(runId, 't');
  return { notes: notes.join('\n'), statuses: entries.map(({ status, error }) => error ?? status) };
};
const inNumbers = (run: CorrectionRun) => run.target.query('select id, m::numeric as m from t order by id');

describe('amounts of yen beside amounts of dinars', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await databases(JAPAN, BAHRAIN, true);
  });
  afterAll(() => run.drop());

  it.each(['money', 'money[]', 'amount'])('are neither compared nor written as a %s', async (type) => {
    await run.reset(TABLE());
    await run.both(`create domain amount as money; create table t (id int primary key, v int, m ${type})`);
    const value = (n: number) => (type === 'money[]' ? `array[${n}::money]` : `${n}::money`);
    await run.source.query(`insert into t values (1, 1, ${value(500)}), (2, 2, ${value(7)})`);
    await run.target.query(`insert into t values (1, 0, ${value(500)})`);
    const { notes, statuses } = await correct(run);
    expect(notes).toMatch(/not compared, as an amount of money .*0 in the source and 3 in the target.*: m: /);
    expect(statuses).toEqual(['SUCCESS', 'SUCCESS']);
    expect(await run.target.query(`select id, v, m = ${value(500)} as m from t order by id`)).toEqual([
      { id: '1', v: '1', m: 't' },
      { id: '2', v: '2', m: null },
    ]);
  });

  it('are no key', async () => {
    await run.reset(TABLE());
    await run.both('create table t (m money primary key)');
    const open = openRun(run.resources, { input: {}, workflowId: 'key', firstExecutionRunId: 'key' });
    await expect(open).rejects.toThrow(/key column m: .*lc_monetary/);
  });

  it.each(['numeric', 'numeric(12,2)', 'text'])('are not compared with a %s, either', async (type) => {
    await run.reset(TABLE());
    await run.source.query('create table t (id int primary key, m money); insert into t values (1, 500::money)');
    await run.target.query(`create table t (id int primary key, m ${type}); insert into t values (1, '500')`);
    const { notes, statuses } = await correct(run);
    expect(notes).toMatch(/not compared, as an amount of money .*\(0 in the source\)/);
    expect(statuses).toEqual([]);
    expect(await inNumbers(run)).toMatchObject([{ id: '1' }]);
  });
});

describe('amounts of yen on both sides', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await databases(JAPAN, JAPAN);
  });
  afterAll(() => run.drop());
  const tables = async () => {
    await run.both('create table t (id int primary key, m money)');
    await run.source.query('insert into t values (1, 500::money), (2, 1234567::money), (3, (-8)::money)');
    await run.target.query('insert into t values (1, 500::money), (2, 1234568::money)');
  };

  it('are compared and written', async () => {
    await run.reset(TABLE());
    await tables();
    const { notes, statuses } = await correct(run);
    expect(notes).toContain(
      'm: amounts of money have 0 digits after the point by lc_monetary, and are shown as if they had 2',
    );
    expect(statuses).toEqual(['SUCCESS', 'SUCCESS']);
    expect(await inNumbers(run)).toEqual([
      { id: '1', m: '500' },
      { id: '2', m: '1234567' },
      { id: '3', m: '-8' },
    ]);
  });

  it('have no tolerance', async () => {
    await run.reset(TABLE(', tolerance: { m: 1 }'));
    await tables();
    const { notes } = await correct(run);
    expect(notes).toMatch(/not compared, as an amount of money/);
    expect((await inNumbers(run)).slice(0, 2)).toMatchObject([{ m: '500' }, { m: '1234568' }]);
  });
});

describe('amounts with two digits', () => {
  it('are compared, whatever else lies in the locale, and beside runs of earlier versions', () => {
    const money = { baseType: 'money' };
    expect(moneyUnknown({ source: money, target: { baseType: 'numeric' } }, { source: 2, target: 0 })).toBeNull();
    expect(moneyUnknown({ source: { baseType: 'text' }, target: money }, { source: 0, target: 2 }, false)).toBeNull();
    expect(moneyUnknown({ source: money, target: money }, undefined)).toBeNull();
  });

  it('are needed where a locale cannot be asked', () => {
    const money = { baseType: 'money' };
    expect(moneyUnknown({ source: money, target: money }, { source: null, target: null })).toContain('unknown');
    expect(moneyUnknown({ source: money, target: money }, { source: 2, target: null })).toContain('unknown');
  });
});
