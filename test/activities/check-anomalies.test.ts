import { checked } from '../support/checked';
import { OneTable } from '../support/one-table';

const INPUT = { mode: 'count', checks: ['anomalies'] } as const;

describe('the check for anomalies', () => {
  let one: OneTable;
  beforeAll(async () => {
    one = await OneTable.create('check_anomalies');
    one.configure('[t]', 'fourEyes: false');
  });
  afterAll(() => one.drop());
  beforeEach(async () => {
    for (const side of [one.source, one.target]) {
      await side.query(
        'drop table t; create table t (id int primary key, amount numeric, quantity int, at timestamptz)',
      );
    }
  });

  const fill = (where: typeof one.source, rows: number) =>
    where.query(`insert into t select g, 100 + 7 * (sin(g) + sin(g * 1.7) + sin(g * 2.3)), 5 + 2 * sin(g * 3.1) + 2 * sin(g * 0.7),
      timestamptz '2024-03-04 10:00:00+00' + make_interval(mins => g) from generate_series(1, ${rows}) g`);

  it('says where there is nothing to learn from, or nothing to score', async () => {
    const empty = await checked(one, 'anomalies', 't', INPUT);
    expect(empty.check).toMatchObject({
      status: 'passed',
      detail: 'nothing was scored: too few rows to learn from in the source, 0',
    });
    await fill(one.source, 1);
    const single = await checked(one, 'anomalies', 't', INPUT);
    expect(single.check.detail).toBe('nothing was scored: too few rows to learn from in the source, 1');
    await fill(one.source, 0);
    await one.source.query('delete from t');
    await fill(one.source, 100);
    expect((await checked(one, 'anomalies', 't', INPUT)).check.detail).toBe(
      'nothing was scored: the target has no rows',
    );
    for (const side of [one.source, one.target]) {
      await side.query('drop table t; create table t (id int primary key)');
    }
    expect((await checked(one, 'anomalies', 't', INPUT)).check.detail).toBe(
      'nothing was scored: the table has no columns beside its key',
    );
  });

  it('finds what is unusual, keeps what it learned, and makes no table inconsistent', async () => {
    await fill(one.source, 500);
    await fill(one.target, 500);
    await one.target.query(`update t set amount = 90000, quantity = 4000, at = '1970-01-01' where id = 77`);
    const { runId, check, findings } = await checked(one, 'anomalies', 't', INPUT);
    const found = findings.find(({ key }) => key['id'] === '77');
    expect(found).toMatchObject({ type: 'anomaly', severity: 'high', resolution: 'OPEN' });
    expect(found?.columns.map(({ name }) => name)).toEqual(expect.arrayContaining(['amount', 'quantity']));
    expect(found?.columns).toContainEqual({ name: 'quantity', source: expect.any(String) as string, target: '4000' });
    expect(found?.detail).toMatch(/^score -0\.\d{3}, most by: /);
    expect(findings.length).toBeLessThan(50);
    // The others are in the source just so, however unusual.
    expect(findings.filter(({ severity }) => severity === 'high')).toHaveLength(1);
    expect(findings.find(({ key }) => key['id'] !== '77')?.detail).toMatch(/; the source has the same row$/);
    expect(check.detail).toMatch(
      /^rows of the target scored: 500, by 500 of the source in 8 features; \d+ below -0\.\d{3}, \d+ of them the same in the source$/,
    );
    const [model] = await one.target.query(
      `select rows, window_column, window_from, jsonb_array_length(model -> 'forest' -> 'trees') as trees
         from trueup.anomaly_model where run_id = $1`,
      [runId],
    );
    expect(model).toEqual({ rows: '500', window_column: 'at', window_from: '2024-03-04T10:01:00.000Z', trees: '100' });
    const again = await checked(one, 'anomalies', 't', INPUT);
    expect(again.findings).toEqual(findings);
    for (let more = 0; more < 5; more += 1) await checked(one, 'anomalies', 't', INPUT);
    expect(await one.target.query('select count(*) as n from trueup.anomaly_model')).toEqual([{ n: '5' }]);
  }, 60_000);
});
