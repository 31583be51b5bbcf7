import { readRunReport } from '../../ledger/report';
import { checked } from '../support/checked';
import { OneTable } from '../support/one-table';

const RULES = `rules:
  - { name: totals, sourceQuery: "select kind, sum(id) as total from t group by kind", targetQuery: "select kind, sum(id) as total from t group by kind; -- as there" }
  - { name: exact, tolerance: 0, sourceQuery: "select 1, 1.000", targetQuery: "select 1, 1" }
  - { name: writing, sourceQuery: "select 1, 1", targetQuery: "with w as (delete from t returning id) select id, 1 from w" }
  - { name: slow, timeout: 50ms, sourceQuery: "select 1, 1", targetQuery: "select 1, (select 1 from pg_sleep(60))" }
  - { name: repeating, sourceQuery: "select kind, 1 from t", targetQuery: "select kind, 1 from t" }`;

describe('the check of business rules', () => {
  let one: OneTable;
  beforeAll(async () => {
    one = await OneTable.create('check_rules');
    for (const side of [one.source, one.target]) await side.query('alter table t add kind text');
    one.configure('[t]', 'settle: { delay: 1ms, attempts: 3 }', RULES);
  });
  afterAll(() => one.drop());
  beforeEach(async () => {
    for (const side of [one.source, one.target]) {
      await side.query(`truncate t; insert into t select i, 'kind ' || i from generate_series(1, 30) i`);
    }
  });
  const check = (rule: string, between?: () => Promise<unknown>) =>
    checked(one, 'rules', rule, { mode: 'rules' }, between);

  it('passes where both queries come to the same', async () => {
    expect(await check('totals')).toMatchObject({
      check: { status: 'passed', findings: 0, detail: '30 keys, all equal within 0.01' },
      findings: [],
    });
    expect((await check('exact')).check).toMatchObject({ status: 'passed', detail: '1 keys, all equal within 0' });
  });

  it('enters all differences, and reports the first ten', async () => {
    await one.target.query(`delete from t where id <= 12; insert into t values (100, 'kind 20'), (101, 'new')`);
    const { runId, check: summary, findings } = await check('totals');
    expect(summary).toMatchObject({
      status: 'failed',
      findings: 14,
      detail: 'of 31 keys 12 missing in the target, 1 extra, 1 not equal within 0.01',
    });
    expect(findings).toHaveLength(14);
    expect(findings).toContainEqual({
      table: 'totals',
      type: 'rule_violation',
      severity: 'high',
      resolution: 'OPEN',
      key: { kind: 'kind 20' },
      columns: [{ name: 'total', source: '20', target: '120' }],
      detail: 'VALUE_MISMATCH by 100, tolerance 0.01',
    });
    const report = await readRunReport(await one.resources.ledger(), runId);
    const reported = report?.checks.find(({ subject }) => subject === 'totals');
    expect(reported?.first?.map(({ key }) => key['kind'])).toEqual(
      ['1', '10', '11', '12', '2', '20', '3', '4', '5', '6'].map((n) => `kind ${n}`),
    );
    expect(report?.remaining).toBe(14);
  });

  it('lets what is on its way arrive', async () => {
    await one.target.query('delete from t where id = 4');
    const { check: summary, findings } = await check('totals', () =>
      one.target.query(`insert into t values (4, 'kind 4')`),
    );
    expect(summary).toMatchObject({ status: 'passed', findings: 0, transient: 1 });
    expect(findings).toEqual([]);
  });

  it('is never a pass while what differs moves', async () => {
    await one.target.query('delete from t where id = 4');
    const { check: summary } = await check('totals', () =>
      one.source.query(`update t set id = id + 100 where kind = 'kind 4'`),
    );
    expect(summary).toMatchObject({ status: 'failed', findings: 0, unsettled: 1 });
  });

  it.each([
    ['writing', 'RULE_WRITES', /^rule writing: the query of the target writes/],
    ['slow', 'RULE_TIMEOUT', /^rule slow: the query of the target took longer than 50 ms/],
    ['repeating', 'RULE_KEY_REPEATS', /^rule repeating: the query of the target gives a key more than once/],
  ])('%s is incomplete with %s', async (rule, code, message) => {
    await one.target.query(`insert into t values (31, 'kind 1')`);
    const { check: summary, findings } = await check(rule);
    expect(summary).toMatchObject({
      status: 'incomplete',
      findings: 0,
      error: { code, message: expect.stringMatching(message) as string },
    });
    expect(findings).toEqual([]);
    expect(await one.target.query('select count(*) from t')).toEqual([{ count: '31' }]);
  });
});
