import { checked } from '../support/checked';
import { OneTable } from '../support/one-table';

describe('the check of aggregates', () => {
  let one: OneTable;
  beforeAll(async () => {
    one = await OneTable.create('check_aggregates');
    for (const side of [one.source, one.target]) await side.query('alter table t add status text, add n numeric');
    one.configure('[{ name: t, settle: { delay: 1ms, attempts: 3 } }]');
  });
  afterAll(() => one.drop());
  beforeEach(async () => {
    for (const side of [one.source, one.target]) {
      await side.query(`truncate t; insert into t select i, 's' || i % 3, i from generate_series(1, 30) i`);
    }
  });
  const aggregate = (between?: () => Promise<unknown>) =>
    checked(one, 'aggregates', 't', { mode: 'aggregate' }, between);

  it('passes where all groups match, and says by what they were made', async () => {
    const { check, table } = await aggregate();
    expect(check).toMatchObject({
      status: 'passed',
      detail:
        '3 groups by status (chosen by names and types); 3 match, 0 do not; compared by count, sum(n) and checksum',
    });
    expect(table).toMatchObject({ status: 'consistent', compared: 'aggregates', rowsSource: 30, rowsTarget: 30 });
  });

  it('finds the groups that do not, and their rows', async () => {
    await one.target.query(`delete from t where id = 3; update t set n = 0 where id = 4`);
    const { check, table, findings } = await aggregate();
    expect(check).toMatchObject({ status: 'failed', findings: 4, transient: 0, unsettled: 0 });
    expect(table).toMatchObject({
      status: 'inconsistent',
      findings: { aggregate_mismatch: 2, missing_in_target: 1, field_mismatch: 1 },
    });
    expect(findings.map(({ type, key, detail }) => [type, key, detail])).toEqual(
      expect.arrayContaining([
        ['aggregate_mismatch', { status: 's0' }, '1 missing, 0 extra, 0 mismatched: id=3'],
        ['aggregate_mismatch', { status: 's1' }, '0 missing, 0 extra, 1 mismatched: id=4'],
        ['missing_in_target', { id: '3' }, 'of a group whose aggregates do not match'],
        ['field_mismatch', { id: '4' }, 'of a group whose aggregates do not match'],
      ]),
    );
  });

  it('lets what is on its way arrive', async () => {
    await one.target.query('delete from t where id = 3');
    const { check, findings } = await aggregate(() => one.target.query(`insert into t values (3, 's0', 3)`));
    expect(check).toMatchObject({ status: 'passed', findings: 0, transient: 2 });
    expect(findings).toEqual([]);
  });

  it('is never a match while what differs moves', async () => {
    await one.target.query('delete from t where id = 3');
    const { check, table } = await aggregate(() => one.source.query('update t set n = n + 1 where id = 3'));
    expect(check).toMatchObject({ status: 'failed', findings: 0, unsettled: 2 });
    expect(table?.status).toBe('inconsistent');
  });

  it('ends with what it holds open when the ledger takes no finding', async () => {
    await one.target.query('delete from t where id = 3');
    const ledger = await one.resources.ledger();
    await ledger.query('alter table check_candidate add constraint none check (false) not valid');
    await expect(aggregate()).resolves.toMatchObject({
      check: { status: 'incomplete', error: { code: 'DATABASE_ERROR' } },
    });
    await ledger.query('alter table check_candidate drop constraint none');
    const idle = `select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`;
    expect(await one.source.query(idle)).toEqual([{ count: '0' }]);
    expect((await aggregate()).check.status).toBe('failed');
  });
});
