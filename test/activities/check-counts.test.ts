import { checked } from '../support/checked';
import { OneTable } from '../support/one-table';

const TABLE = (checks: string) => `[{ name: t, settle: { delay: 1ms, attempts: 3 }, checks: ${checks} }]`;

describe('the check of counts', () => {
  let one: OneTable;
  beforeAll(async () => {
    one = await OneTable.create('check_counts');
    for (const side of [one.source, one.target]) await side.query('alter table t add kind text');
  });
  afterAll(() => one.drop());
  beforeEach(async () => {
    one.configure(TABLE('{ groupBy: [kind], countHigh: 2 }'));
    for (const side of [one.source, one.target]) {
      await side.query(`truncate t; insert into t values (1, 'a'), (2, 'a'), (3, null), (4, 'b')`);
    }
  });
  const count = (between?: () => Promise<unknown>) => checked(one, 'counts', 't', { mode: 'count' }, between);

  it('passes where they agree, and tells them', async () => {
    const { check, table, findings } = await count();
    expect(check).toEqual({
      kind: 'counts',
      subject: 't',
      status: 'passed',
      findings: 0,
      transient: 0,
      unsettled: 0,
      detail: 'counted, not compared: 4 rows in the source, 4 in the target; 3 groups by kind, all equal',
      error: null,
    });
    expect(table).toMatchObject({ status: 'consistent', rowsSource: 4, rowsTarget: 4, compared: 'counts' });
    expect(findings).toEqual([]);
  });

  it('finds each group that differs, the one of NULL too, and all of them together', async () => {
    await one.target.query(`delete from t where id in (1, 2, 3); insert into t values (5, 'c')`);
    const { check, table, findings } = await count();
    expect(check).toMatchObject({ status: 'failed', findings: 4, transient: 0, unsettled: 0 });
    expect(table).toMatchObject({
      status: 'inconsistent',
      rowsSource: 4,
      rowsTarget: 2,
      findings: { count_mismatch: 4 },
    });
    expect(findings).toHaveLength(4);
    const finding = (kind: string | null, severity: string, source: string, target: string, detail: string) => ({
      table: 't',
      type: 'count_mismatch',
      severity,
      resolution: 'OPEN',
      key: { kind },
      columns: [{ name: 'count', source, target }],
      detail,
    });
    expect(findings).toEqual(
      expect.arrayContaining([
        finding('a', 'medium', '2', '0', '2 rows in the source, 0 in the target: -2'),
        finding(null, 'medium', '1', '0', '1 row in the source, 0 in the target: -1'),
        finding('c', 'medium', '0', '1', '0 rows in the source, 1 in the target: +1'),
        { ...finding(null, 'medium', '4', '2', '4 rows in the source, 2 in the target: -2'), key: {} },
      ]),
    );
  });

  it('lets what is on its way arrive', async () => {
    await one.target.query('delete from t where id = 4');
    const { check, table, findings } = await count(() => one.target.query(`insert into t values (4, 'b')`));
    expect(check).toMatchObject({ status: 'passed', findings: 0, transient: 2, unsettled: 0 });
    expect(table).toMatchObject({ status: 'consistent', rowsTarget: 4 });
    expect(findings).toEqual([]);
  });

  it('is never a match while the counts differ and move', async () => {
    await one.target.query('delete from t where id = 4');
    let id = 10;
    const { check, table, findings } = await count(() =>
      one.source.query('insert into t values ($1, $2)', [(id += 1), 'b']),
    );
    expect(check).toMatchObject({ status: 'failed', findings: 0, unsettled: 2 });
    expect(table).toMatchObject({ status: 'inconsistent' });
    expect(findings).toEqual([]);
  });

  it('is never a match under a writer while rows lack, and is one when they have come', async () => {
    await one.source.query(`insert into t select i, 'late' from generate_series(100000, 105000) i`);
    let isWriting = true;
    const write = async () => {
      for (let id = 10; isWriting; id += 1) {
        for (const side of [one.source, one.target]) await side.query(`insert into t values ($1, 'b')`, [id]);
      }
    };
    const writing = write();
    try {
      for (let i = 0; i < 3; i += 1) expect((await count()).check.status).toBe('failed');
    } finally {
      isWriting = false;
      await writing;
    }
    await one.target.query(`insert into t select i, 'late' from generate_series(100000, 105000) i`);
    expect(await count()).toMatchObject({ check: { status: 'passed' }, table: { status: 'consistent' } });
  });

  it('is incomplete with a typed error where a group is no column', async () => {
    one.configure(TABLE('{ groupBy: [nothing] }'));
    const { check, table } = await count();
    expect(check).toMatchObject({
      status: 'incomplete',
      error: { code: 'COLUMN_NOT_FOUND', message: expect.stringMatching(/checks.groupBy: "nothing"/) as string },
    });
    expect(table?.status).toBe('incomplete');
  });
});
