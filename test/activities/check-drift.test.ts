import { readCheck } from '../../activities/check';
import { weighChecks } from '../../ledger/check';
import { checked } from '../support/checked';
import { OneTable } from '../support/one-table';

/** A mode that compares no rows, so that the check alone says how the table stands. */
const INPUT = { mode: 'count', checks: ['drift'] } as const;

describe('the check of the schema', () => {
  let one: OneTable;
  beforeAll(async () => {
    one = await OneTable.create('check_drift');
  });
  afterAll(() => one.drop());
  afterEach(async () => {
    for (const side of [one.source, one.target]) {
      await side.query('drop table if exists t cascade; create table t (id int primary key)');
    }
  });

  it('passes where nothing differs, and says what it looked at', async () => {
    const { check, table, findings } = await checked(one, 'drift', 't', INPUT);
    expect(check).toMatchObject({ status: 'passed', findings: 0 });
    expect(check.detail).toBe('of the source: columns 1, constraints 0, indexes 1; differences: 0');
    expect(table?.checks?.find(({ kind }) => kind === 'drift')?.status).toBe('passed');
    expect(findings).toEqual([]);
  });

  it('reports each difference with what it means and what would mend it', async () => {
    await one.source.query(`alter table t add notes text; create index on t (notes)`);
    await one.target.query(`alter table t add notes varchar(40), add channel text default 'web'`);
    const { check, findings } = await checked(one, 'drift', 't', INPUT);
    expect(check).toMatchObject({ status: 'failed', findings: 3 });
    const sorted = [...findings].sort((a, b) => (JSON.stringify(a.key) < JSON.stringify(b.key) ? -1 : 1));
    expect(sorted).toMatchObject([
      {
        type: 'schema_drift',
        severity: 'low',
        resolution: 'OPEN',
        key: { object: 'column', name: 'channel' },
        columns: [{ name: 'column', source: null, target: 'text' }],
      },
      {
        severity: 'high',
        key: { object: 'column', name: 'notes' },
        columns: [{ name: 'type', source: 'text', target: 'character varying(40)' }],
        detail:
          "the target's type cannot take every value of the source's; its values are compared as text; " +
          'suggested for the target: alter table "public"."t" alter column "notes" type text using "notes"::text',
      },
      { severity: 'low', key: { object: 'index', name: 't_notes_idx' } },
    ]);
    const ddl = await one.target.query(
      `select target_data ->> 'ddl' as ddl from trueup.reconciliation_log where inconsistency_type = 'schema_drift'`,
    );
    for (const { ddl: statements } of ddl) await one.target.query(statements ?? '');
    expect((await checked(one, 'drift', 't', INPUT)).check.status).toBe('passed');
  });

  it.each([
    ['low', 'varchar(5)', 'text', false],
    ['high', 'text', 'varchar(5)', true],
  ])('of %s severity, it weighs accordingly', async (severity, source, target, weighs) => {
    await one.source.query(`alter table t add a ${source}`);
    await one.target.query(`alter table t add a ${target}`);
    const { runId, findings } = await checked(one, 'drift', 't', INPUT);
    expect(findings.map((finding) => finding.severity)).toEqual([severity]);
    expect(await weighChecks(await one.resources.ledger(), runId, 't')).toMatchObject({ failed: weighs });
  });

  it('is a typed error where a side has lost its table meanwhile', async () => {
    const { runId } = await one.open('lost');
    await one.target.query('drop table t');
    const context = { signal: new AbortController().signal, report: () => undefined };
    const reading = readCheck(one.resources, { runId, kind: 'drift', subject: 't', reading: 1 }, context);
    await expect(reading).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
  });
});

describe('the check of the schema, of times without a zone', () => {
  let one: OneTable;
  beforeAll(async () => {
    one = await OneTable.create('drift_zone');
    await one.source.query(`alter database "${one.source.name}" set timezone = 'Asia/Tokyo'`);
    await one.target.query(`alter database "${one.target.name}" set timezone = 'America/New_York'`);
  });
  afterAll(() => one.drop());

  it.each([
    ['timestamp', 'timestamptz'],
    ['timestamptz', 'date'],
    ['moment', 'timestamptz'],
  ])('names the zone by which a %s is compared with a %s, or says that there is none', async (source, target) => {
    await one.source.query(`drop table if exists t; drop domain if exists moment; create domain moment as timestamp;
      create table t (id int primary key, a ${source})`);
    await one.target.query(`drop table if exists t; create table t (id int primary key, a ${target})`);
    const details = async () =>
      (await checked(one, 'drift', 't', INPUT)).findings.map(({ detail }) => detail).join('\n');
    one.configure('[{ name: t, timeZone: Europe/Berlin }]');
    expect(await details()).toContain(
      'compared as timestamp with time zone, times without a zone read as of Europe/Berlin',
    );
    one.configure();
    expect(await details()).toContain('not compared, as the two databases have different time zones');
  });
});
