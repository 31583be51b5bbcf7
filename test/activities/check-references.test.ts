import { checked } from '../support/checked';
import { OneTable } from '../support/one-table';

const TABLES = (more = '') => `[{ name: p }, { name: t, settle: { delay: 1ms, attempts: 3 }, ${more}
  checks: { references: [{ columns: [parent], parent: p }], notFuture: [at] } }]`;

describe('the checks of references and times', () => {
  let one: OneTable;
  beforeAll(async () => {
    one = await OneTable.create('check_references');
    for (const side of [one.source, one.target]) {
      await side.query('create table p (id int primary key); alter table t add parent int, add at timestamptz');
    }
  });
  afterAll(() => one.drop());
  beforeEach(async () => {
    one.configure(TABLES());
    for (const side of [one.source, one.target]) {
      await side.query(`truncate t, p; insert into p values (1), (2), (3);
        insert into t values (1, 1, '2024-01-01'), (2, 2, null), (3, null, '2024-01-01')`);
    }
  });

  it('pass where all is well, in a run of one table too, whose parent the run is not about', async () => {
    const { check, table } = await checked(one, 'references', 't', { tables: ['t'] });
    expect(check).toEqual({
      kind: 'references',
      subject: 't',
      status: 'passed',
      findings: 0,
      transient: 0,
      unsettled: 0,
      detail: 'parent → p (id)',
      error: null,
    });
    expect(table?.checks?.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['references', 'times']));
  });

  it('call what is on its way transient, and what is another each time unsettled', async () => {
    await one.target.query('insert into t values (9, 90, null), (8, 3, null); delete from p where id = 3');
    let next = 100;
    const { check, findings } = await checked(one, 'references', 't', {}, async () => {
      await one.target.query('insert into p values (3) on conflict do nothing');
      await one.target.query('update t set parent = $1 where id = 9', [(next += 1)]);
    });
    expect(check).toMatchObject({ status: 'failed', findings: 0, transient: 1, unsettled: 1 });
    expect(findings).toEqual([]);
  });

  it('find what stays, and say how bad it is', async () => {
    await one.target.query(`delete from p where id = 2; insert into t values (9, 90, 'infinity')`);
    const found = await checked(one, 'references', 't', {});
    expect(found.check).toMatchObject({ status: 'failed', findings: 2, transient: 0, unsettled: 0 });
    expect(found.table).toMatchObject({ findings: { referential_violation: 2 } });
    expect(found.findings).toEqual(
      expect.arrayContaining([
        {
          table: 't',
          type: 'referential_violation',
          severity: 'medium',
          resolution: 'OPEN',
          key: { id: '2' },
          columns: [{ name: 'parent', source: '2', target: '2' }],
          detail: 'parent → p (id): the target has no such row, the source has: insert it from there',
        },
      ]),
    );
    one.configure(TABLES('critical: true,'));
    const { findings } = await checked(one, 'times', 't', {});
    expect(findings).toMatchObject([{ type: 'temporal_violation', severity: 'critical', key: { id: '9' } }]);
  });

  it('are of many pages where much is wrong, each row once', async () => {
    await one.target.query(`insert into t select i, i, 'infinity' from generate_series(1000, 2700) i`);
    expect((await checked(one, 'references', 't', {})).check).toMatchObject({ findings: 1_701, unsettled: 0 });
    expect((await checked(one, 'times', 't', {})).check).toMatchObject({ findings: 1_701, unsettled: 0 });
  });

  it('are incomplete with a typed error where a column is none, or is no time', async () => {
    one.configure(TABLES().replace('[parent]', '[nothing]').replace('[at]', '[parent]'));
    expect((await checked(one, 'references', 't', {})).check).toMatchObject({
      status: 'incomplete',
      error: { code: 'COLUMN_NOT_FOUND' },
    });
    expect((await checked(one, 'times', 't', {})).check).toMatchObject({
      status: 'incomplete',
      error: {
        code: 'CHECK_INVALID',
        message:
          "table t: notFuture of parent: the target's parent is integer; allowed are date, " +
          'timestamp without time zone, timestamp with time zone',
      },
    });
  });
});
