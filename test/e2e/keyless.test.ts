import { Scenario, type Contents } from '../support/scenario';

const CONTENTS: Contents = {
  tables: ['customers'],
  schema: `
    create table customers (id int primary key, name text not null);
    create table events (at int, what text);
    create table codes (code text unique, what text);`,
  rows: `
    insert into customers select g, 'name ' || g from generate_series(1, 20) g;
    insert into events select g % 100, 'what ' || g % 3 from generate_series(1, 3000) g;
    insert into codes select case when g % 5 > 0 then 'code ' || g end, 'what ' || g % 10 from generate_series(1, 50) g;`,
  damage: `
    delete from customers where id = 7;
    insert into events values (1, 'twice'), (1, 'twice');
    delete from events where (at, what) = (2, 'what 1');
    update codes set what = 'other' where code = 'code 3';
    delete from codes where code is null and what = 'what 5';`,
};

interface Report {
  readonly runId: string;
  readonly status: string;
  readonly remaining: number;
  readonly corrections: Record<string, number>;
  readonly tables: readonly {
    readonly name: string;
    readonly status: string;
    readonly findings: Record<string, number>;
    readonly notes: readonly string[];
  }[];
}

describe('a run over tables with rows that no key tells apart', () => {
  let scenario: Scenario;
  beforeAll(async () => {
    scenario = await Scenario.create({
      contents: CONTENTS,
      defaults: ['corrections: { missing: auto, mismatched: auto, extra: auto }'],
      tables: ['customers', 'events', 'codes']
        .map((name) => `  - { name: ${name}, source: public.${name} }`)
        .join('\n'),
    });
    await scenario.startWorker();
  });
  afterAll(() => scenario.remove());

  test('finds how many of them each side has, corrects the others alone, and undoes that', async () => {
    const counted = () =>
      scenario.target(`select (select count(*) from events) as events,
        (select count(*) from codes where code is null) as codes, (select count(*) from customers) as customers`);
    const before = await counted();
    const run = await scenario.trueup('run', '--apply', '--json');
    const report = JSON.parse(run.stdout) as Report;
    const table = (name: string) => report.tables.find((found) => found.name === name);
    expect(table('events')).toMatchObject({
      status: 'inconsistent',
      findings: { extra_in_target: 1, missing_in_target: 1 },
      notes: ['no key: equal rows are counted on both sides, and what differs is not corrected'],
    });
    expect(table('codes')).toMatchObject({ findings: { field_mismatch: 1, missing_in_target: 1 } });
    expect(table('codes')?.notes).toEqual([
      'rows whose key (code) is NULL are counted by their values, and not corrected',
    ]);
    expect(report).toMatchObject({ status: 'applied', corrections: { SUCCESS: 2 }, remaining: 3 });
    expect(await counted()).toEqual([{ ...before[0], customers: '20' }]);
    const chunks = `select table_name, kind, slices from trueup.chunk where run_id = $1 order by 1, chunk_no`;
    expect(await scenario.target(chunks, [report.runId])).toEqual([
      { table_name: 'codes', kind: 'range', slices: null },
      { table_name: 'codes', kind: 'nulls', slices: '64' },
      { table_name: 'customers', kind: 'range', slices: null },
      { table_name: 'events', kind: 'multiset', slices: '64' },
    ]);

    const findings = await scenario.trueup('findings', report.runId, '--json');
    const lines = findings.stdout.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as object)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          table: 'events',
          type: 'extra_in_target',
          key: { at: '1', what: 'twice' },
          resolution: 'OPEN',
          detail: '0 equal rows in the source, 2 in the target',
        }),
        expect.objectContaining({
          table: 'events',
          type: 'missing_in_target',
          key: { at: '2', what: 'what 1' },
          detail: '10 equal rows in the source, 0 in the target',
        }),
        expect.objectContaining({
          table: 'codes',
          type: 'missing_in_target',
          key: { code: null, what: 'what 5' },
          detail: '5 equal rows in the source, 0 in the target',
        }),
      ]),
    );
    expect((await scenario.trueup('undo', report.runId, '--yes', '--json')).code).toBe(0);
    expect(await counted()).toEqual(before);
  });
});
