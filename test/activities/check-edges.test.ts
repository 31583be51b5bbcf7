import { endCheck, readCheck } from '../../activities/check';
import { openRun } from '../../activities/open-run';
import { RUN_MODES, type CheckKind, type RunMode } from '../../contracts/check';
import { TrueupError } from '../../contracts/errors';
import { checked } from '../support/checked';
import { CONTEXT, found, modeRun } from '../support/mode-run';
import { OneTable } from '../support/one-table';

const KINDS = [
  'drift',
  'references',
  'times',
  'counts',
  'aggregates',
  'anomalies',
] as const satisfies readonly CheckKind[];
const TABLES = `[p, { name: t, updatedAt: updated_at, exclude: [updated_at], settle: { delay: 1ms, attempts: 1 },
  checks: { order: ["a <= b"], notFuture: [a], notBefore: { b: "2000-01-01" }, monotonic: [a], groupBy: [status, n > 1] } }]`;
const COLUMNS = `id int primary key, parent int references p, a timestamptz, b timestamptz, n numeric, status text,
  updated_at timestamptz`;

describe('every check and mode at its edges', () => {
  let one: OneTable;
  let runs = 0;
  beforeAll(async () => {
    one = await OneTable.create('check_edges');
    one.configure(TABLES);
  });
  afterAll(() => one.drop());

  const both = async (sql: string) => {
    for (const side of [one.source, one.target]) await side.query(sql);
  };
  beforeEach(() =>
    both(`drop table if exists t, gone, p; create table p (id int primary key); create table t (${COLUMNS})`),
  );

  const FILLED = {
    'no row': '',
    'one row': `insert into p values (1); insert into t values (1, 1, '2024-01-01', '2024-01-02', 5, 'new', '2024-01-01')`,
    'all NULL': 'insert into t (id) select generate_series(1, 40)',
  };
  /** The group of rows of which nothing is known. */
  const NULLS = JSON.stringify({ 'n > 1': null, status: null });
  /** What a check says of it: that it has looked, or why it has not. */
  const SAYS: Readonly<Record<(typeof KINDS)[number], readonly [empty: RegExp, one: RegExp, nulls: RegExp]>> = {
    drift: [/differences: 0/, /differences: 0/, /differences: 0/],
    references: [/^parent → p \(id\)$/, /^parent → p \(id\)$/, /^parent → p \(id\)$/],
    times: [/^a <= b; /, /^a <= b; /, /^a <= b; /],
    counts: [/: 0 rows .* 0 groups/, /: 1 rows .* 1 groups .* all equal/, /: 40 rows .* 1 groups .* all equal/],
    aggregates: [/^0 groups .* 0 match, 0 do not/, /^1 groups .* 1 match, 0 do not/, /^1 groups .* 1 match, 0 do not/],
    anomalies: [/too few rows .* 0$/, /too few rows .* 1$/, /scored: 40, .* 0 below/],
  };

  it.each(KINDS.flatMap((kind) => Object.keys(FILLED).map((what, i) => [kind, what, i] as const)))(
    '%s of a table with %s: nothing is found',
    async (kind, what, i) => {
      await both(FILLED[what as keyof typeof FILLED]);
      const { check, findings, table } = await checked(one, kind, 't', {
        mode: 'count',
        checks: [kind],
        tables: ['t'],
      });
      expect(check).toMatchObject({
        status: 'passed',
        findings: 0,
        detail: expect.stringMatching(SAYS[kind][i] as RegExp) as string,
      });
      expect(findings).toEqual([]);
      expect(table?.status).not.toBe('inconsistent');
    },
  );

  it.each([
    ['counts', [`count_mismatch ${NULLS}`, 'count_mismatch {}']],
    ['aggregates', [`aggregate_mismatch ${NULLS}`, 'missing_in_target row']],
    ['references', []],
    ['times', []],
  ] as const)('%s of a table of which one side has no row', async (kind, expected) => {
    await both(FILLED['all NULL']);
    await one.target.query('truncate t');
    const { check, findings } = await checked(one, kind, 't', { mode: 'count', checks: [kind], tables: ['t'] });
    const about = (key: object) => ('id' in key ? 'row' : JSON.stringify(key));
    expect([...new Set(findings.map(({ type, key }) => `${type} ${about(key)}`))].sort()).toEqual(expected);
    expect(check.status).toBe(expected.length === 0 ? 'passed' : 'failed');
  });

  it.each(KINDS.flatMap((kind) => (['source', 'target'] as const).map((side) => [kind, side] as const)))(
    '%s of a table that the %s has lost meanwhile: incomplete, with a typed error',
    async (kind, side) => {
      await both(FILLED['all NULL']);
      const workflowId = `edge-${(runs += 1)}`;
      const input = { mode: 'count', checks: [kind], tables: ['t'] } as const;
      const { runId } = await openRun(one.resources, { input, workflowId, firstExecutionRunId: workflowId });
      await one[side].query('alter table t rename to gone');
      const step = { runId, kind, subject: 't' };
      const reading = readCheck(one.resources, { ...step, reading: 1 }, CONTEXT);
      const error = await reading.then(
        () => null,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(TrueupError);
      expect(error).toMatchObject({ code: 'TABLE_NOT_FOUND', retryable: false });
      const { code, message } = error as TrueupError;
      expect(await endCheck(one.resources, { ...step, reading: 1, error: { code, message } })).toMatchObject({
        status: 'incomplete',
        error: { code: 'TABLE_NOT_FOUND' },
      });
    },
  );

  it.each(
    RUN_MODES.filter((mode) => mode !== 'rules').flatMap((mode) =>
      (['source', 'target'] as const).map((side) => [mode, side] as const),
    ),
  )('a run with mode %s is refused where the %s has no such table', async (mode, side) => {
    await one[side].query('alter table t rename to gone');
    const workflowId = `edge-${(runs += 1)}`;
    const opening = openRun(one.resources, { input: { mode }, workflowId, firstExecutionRunId: workflowId });
    const connection = side === 'source' ? 'legacy' : 'modern';
    await expect(opening).rejects.toMatchObject({
      code: 'TABLE_NOT_FOUND',
      message: expect.stringMatching(`${connection}.*public\\.t`) as string,
    });
  });

  it.each<[RunMode, string, readonly string[]]>([
    ['full', '', []],
    ['full', FILLED['all NULL'], []],
    ['sample', '', []],
    ['sample', FILLED['all NULL'], []],
    ['incremental', '', []],
    ['incremental', FILLED['one row'], []],
    ['incremental', FILLED['all NULL'], []],
    // Of a row of which nothing says when it was changed, it may always have been.
    [
      'incremental',
      `${FILLED['all NULL']}; update t set n = case current_database() ~ 'target' when true then 1 end where id = 7`,
      ['field_mismatch 7'],
    ],
    ['full', `${FILLED['one row']}; delete from t where current_database() ~ 'target'`, ['missing_in_target 1']],
    ['sample', `${FILLED['one row']}; delete from t where current_database() ~ 'source'`, ['extra_in_target 1']],
    [
      'incremental',
      `${FILLED['all NULL']}; delete from t where id > 1 or current_database() ~ 'target'`,
      ['missing_in_target 1'],
    ],
  ])('a run with mode %s after %j', async (mode, sql, expected) => {
    await one.target.query('truncate trueup.run, trueup.reconciliation_metadata cascade');
    if (mode === 'incremental') await modeRun(one, { tables: ['t'] });
    await both(sql);
    const run = await modeRun(one, { mode, tables: ['t'] });
    expect(found(run)).toEqual(expected);
    expect(run.table.status).toBe(expected.length === 0 ? 'consistent' : 'inconsistent');
    if (mode === 'incremental') expect(run.table.compared).toBe('changed rows');
  });
});
