import { findAnomalies, trainModel, type Anomaly, type AnomalyModel } from '../../engine/detect/anomalies';
import { averagePath, growForest, randomFrom, scoreOf } from '../../engine/detect/isolation-forest';
import { EnginePair } from '../support/engine';

describe('an isolation forest', () => {
  /** A number of a normal distribution, by Box and Muller. */
  const normalFrom = (random: () => number) => () =>
    Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

  /** 2,000 rows of four correlated features, the last 100 of them drawn from a wide uniform distribution. */
  function generated(seed: number) {
    const random = randomFrom(seed);
    const normal = normalFrom(random);
    return Array.from({ length: 2_000 }, (_, i) => {
      const isOutlier = i >= 1_900;
      const base = normal();
      const row = isOutlier
        ? Array.from({ length: 4 }, () => (random() - 0.5) * 12)
        : [base, base + normal() / 2, normal(), normal() - base / 2];
      return { isOutlier, row: Float64Array.from(row) };
    });
  }

  /** The chance that an outlier scores lower than another row. */
  function auc(rows: readonly { readonly isOutlier: boolean; readonly score: number }[]): number {
    const outliers = rows.filter(({ isOutlier }) => isOutlier);
    const others = rows.filter(({ isOutlier }) => !isOutlier);
    const wins = outliers.map(({ score }) => others.filter((other) => score < other.score).length);
    return wins.reduce((sum, n) => sum + n, 0) / outliers.length / others.length;
  }

  test.each([1, 2, 3])('tells planted outliers from other rows (seed %i)', async (seed) => {
    const rows = generated(seed);
    const forest = await growForest(
      rows.map(({ row }) => row),
      { seed },
    );
    const scored = rows.map(({ isOutlier, row }) => ({ isOutlier, score: scoreOf(forest, row) }));
    const area = auc(scored);
    process.stderr.write(`seed ${seed}: AUC ${area.toFixed(4)}\n`);
    expect(area).toBeGreaterThan(0.97);
  });

  test('is the same for the same seed, and another for another', async () => {
    const rows = generated(1).map(({ row }) => row);
    const one = await growForest(rows, { seed: 7 });
    expect(await growForest(rows, { seed: 7 })).toEqual(one);
    expect(await growForest(rows, { seed: 8 })).not.toEqual(one);
  });

  test("is on scikit-learn's scale", async () => {
    // sklearn.ensemble._iforest._average_path_length([1, 2, 5, 999])
    expect([1, 2, 5, 999].map(averagePath)).toEqual([
      0,
      1,
      expect.closeTo(2.327020052, 8),
      expect.closeTo(12.96793988, 6),
    ]);
    const same = Array.from({ length: 50 }, () => Float64Array.from([1, 2]));
    const forest = await growForest(same, { seed: 1 });
    expect(scoreOf(forest, Float64Array.from([1, 2]))).toBeCloseTo(-0.5, 10);
  });

  test('what lies far beyond all rows is alone after one cut', async () => {
    const rows = generated(1).map(({ row }) => row);
    const forest = await growForest(rows, { seed: 1 });
    const lowest = rows.reduce((least, row) => Math.min(least, scoreOf(forest, row)), 0);
    const row = Float64Array.from([0, 0, 1_000, 0]);
    expect(scoreOf(forest, row)).toBeLessThan(scoreOf(forest, Float64Array.from([0, 0, 0, 0])) - 0.2);
    expect(scoreOf(forest, Float64Array.from([1_000, -1_000, 1_000, 0]))).toBeLessThan(lowest);
  });

  test('lets others run while it grows', async () => {
    let beats = 0;
    const beat = setInterval(() => (beats += 1), 1);
    await growForest(
      generated(1).map(({ row }) => row),
      { seed: 1 },
    );
    clearInterval(beat);
    expect(beats).toBeGreaterThan(5);
  });
});

describe('anomalies of a table', () => {
  let pair: EnginePair;
  beforeAll(async () => {
    pair = await EnginePair.create('anomalies');
  }, 60_000);
  afterAll(() => pair.drop());

  async function found(table: string) {
    const { comparison, sides } = await pair.inspect(table);
    const model = (await trainModel(comparison, sides.source)) as AnomalyModel;
    const anomalies: Anomaly[] = [];
    const pages = findAnomalies(comparison, sides.target, model);
    for (;;) {
      const page = await pages.next();
      if (page.done) return { model, anomalies, rows: page.value.rows };
      anomalies.push(...page.value);
    }
  }

  const ROWS = `select g, (100 + 7 * (sin(g) + sin(g * 1.7) + sin(g * 2.3)))::numeric(12,2), case when g % 3 = 0 then 'new' else 'paid' end,
      timestamptz '2024-03-04 09:00:00+00' + make_interval(hours => g % 8, days => g / 50), g % 2 = 0,
      case when g % 4 = 0 then null else 'note ' || g % 10 end, md5(g::text)::uuid`;

  const NUMBER = expect.any(Number) as number;

  test('those that were planted are found, with what makes them so', async () => {
    await pair.both(`create table t (id bigint primary key, amount numeric, status text, at timestamptz, active boolean, note text, ref uuid);
      insert into t ${ROWS} from generate_series(1, 3000) g`);
    await pair.target.query(`update t set amount = 95000 where id = 17;
      update t set at = '1970-01-03 03:00:00+00' where id = 400;
      update t set status = repeat('X0-', 50), note = repeat('?!', 900) where id = 1200;
      update t set amount = 'NaN', at = 'infinity', note = null where id = 7`);
    const { anomalies, rows, model } = await found('t');
    expect(rows).toBe(3_000);
    const of = (id: string) => anomalies.find(({ key }) => key['id'] === id);
    for (const id of ['17', '400', '1200']) expect({ id, score: of(id)?.score }).toEqual({ id, score: NUMBER });
    expect(of('17')?.drivers[0]?.feature).toBe('amount');
    expect(of('400')?.drivers.map(({ feature }) => feature)).toContain('at');
    expect(
      of('1200')
        ?.drivers.map(({ feature }) => feature)
        .join(),
    ).toMatch(/of (status|note)/);
    // As many as the contamination says, of the rows that are like the source's.
    expect(anomalies.length).toBeGreaterThan(100);
    expect(anomalies.length).toBeLessThan(200);
    expect(model).toMatchObject({ rows: 3_000, window: { column: 'at', from: '2024-03-04T09:00:00.000Z' } });
    const again = await found('t');
    expect(again.anomalies).toEqual(anomalies);
    expect(again.model.forest).toEqual(model.forest);
  }, 60_000);

  test('a model goes through JSON as it is', async () => {
    const { model } = await found('t');
    expect(JSON.parse(JSON.stringify(model))).toEqual(model);
    expect(JSON.stringify(model).length).toBeLessThan(2_000_000);
  }, 60_000);

  test('rows that are all alike, or all NULL, are not unusual', async () => {
    await pair.both(`create table alike (id int primary key, a text, b int); insert into alike select g, 'x', null from generate_series(1, 100) g;
      create table nothing (id int primary key, a text, b timestamptz); insert into nothing select g from generate_series(1, 100) g`);
    expect((await found('alike')).anomalies).toEqual([]);
    expect((await found('nothing')).anomalies).toEqual([]);
    await pair.target.query(`update nothing set a = 'x' where id = 3`);
    const { anomalies } = await found('nothing');
    expect(anomalies).toEqual([]);
  }, 60_000);

  test('rows without a key are named by what they hold', async () => {
    await pair.both(
      `create table keyless (a int, "odd ""b" text); insert into keyless select g % 40, 'x' from generate_series(1, 200) g`,
    );
    await pair.target.query(`insert into keyless values (1000000, 'y'), (1000000, 'y')`);
    const { anomalies } = await found('keyless');
    expect(anomalies.map(({ key }) => key)).toEqual(expect.arrayContaining([{ a: '1000000', 'odd "b': 'y' }]));
    expect(anomalies.filter(({ key }) => key['a'] === '1000000')).toHaveLength(1);
  }, 60_000);

  test('too few rows are nothing to learn from', async () => {
    await pair.both('create table few (id int primary key, a int)');
    const { comparison, sides } = await pair.inspect('few');
    expect(await trainModel(comparison, sides.source)).toEqual({ tooFew: 0 });
    await pair.source.query('insert into few values (1, 1)');
    expect(await trainModel(comparison, sides.source)).toEqual({ tooFew: 1 });
  });
});
