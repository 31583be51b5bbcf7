import { Scenario, type Contents } from '../support/scenario';

const CONTENTS: Contents = {
  tables: ['accounts', 'entries'],
  schema: `
    create table accounts (id int primary key, name text not null);
    create table entries (id int primary key, note text);`,
  rows: `
    insert into accounts select g, 'name ' || g from generate_series(1, 100) g;
    insert into entries select g, 'note ' || g from generate_series(1, 400) g;`,
  damage: `
    insert into accounts values (901, 'extra');
    update accounts set name = 'other' where id = 3;
    delete from entries where id in (20, 121, 390);
    update entries set note = 'other' where id in (21, 320);
    insert into entries values (9001, 'extra');`,
};

/** In the source, reading the note of a row divides by its divisor. */
const FRAGILE = `
  alter table entries rename note to plain;
  alter table entries add divisor int not null default 1;
  alter table entries add note text generated always as (left(plain, 1000 / divisor)) virtual;`;

const WHOLE = [
  'accounts extra_in_target 901',
  'accounts field_mismatch 3',
  'entries extra_in_target 9001',
  'entries field_mismatch 21',
  'entries field_mismatch 320',
  'entries missing_in_target 121',
  'entries missing_in_target 20',
  'entries missing_in_target 390',
];

interface Report {
  readonly runId: string;
  readonly status: string;
  readonly corrections: Record<string, number>;
  readonly tables: readonly {
    readonly name: string;
    readonly status: string;
    readonly chunks: number;
    readonly chunksDone: number;
    readonly hash: string;
    readonly notes: readonly string[];
  }[];
}

const parse = (text: string) => JSON.parse(text) as Report;

describe('a run that cannot read two rows', () => {
  let scenario: Scenario;
  let broken: Report;
  beforeAll(async () => {
    scenario = await Scenario.create({
      contents: CONTENTS,
      defaults: [
        'chunkRows: 50',
        'exclude: [divisor, plain]',
        'corrections: { missing: auto, mismatched: auto, extra: auto }',
      ],
    });
    await scenario.source(FRAGILE);
    await scenario.startWorker();
  });
  afterAll(() => scenario.remove());

  const fails = (ids: string) => scenario.source(`update entries set divisor = (not id in (${ids}))::int`);
  const table = (report: Report, name: string) => report.tables.find((found) => found.name === name);
  const chunks = (runId: string) =>
    scenario.target(
      `select chunk_no, status, error_code, compared_at, from_key, to_key from trueup.chunk
        where run_id = $1 and table_name = 'entries' order by chunk_no`,
      [runId],
    );
  /** Whether an ID lies in a chunk, whose bounds are the first key and the one after the last. */
  const holds = ({ from_key: from, to_key: to }: Record<string, unknown>, id: number) => {
    const [low] = JSON.parse((from as string | null) ?? '["-Infinity"]') as [string];
    const [high] = JSON.parse((to as string | null) ?? '["Infinity"]') as [string];
    return Number(low) <= id && id < Number(high);
  };

  test('is incomplete, names the two ranges, compares all others, and ends with 4', async () => {
    await fails('120, 333');
    const run = await scenario.trueup('run', '--json');
    expect(run.code).toBe(4);
    broken = parse(run.stdout);
    expect(broken.status).toBe('incomplete');
    expect(table(broken, 'accounts')).toMatchObject({ status: 'inconsistent', hash: 'native-18' });
    const entries = table(broken, 'entries');
    const failed = (await chunks(broken.runId)).filter(({ status }) => status !== 'done');
    expect(failed).toMatchObject([
      { status: 'failed', error_code: 'DATABASE_ERROR' },
      { status: 'failed', error_code: 'DATABASE_ERROR' },
    ]);
    expect(failed.map((chunk) => [holds(chunk, 120), holds(chunk, 333)])).toEqual([
      [true, false],
      [false, true],
    ]);
    const count = entries?.chunks ?? 0;
    expect(entries).toMatchObject({ status: 'incomplete', chunksDone: count - 2 });
    const numbers = failed.map((chunk) => chunk['chunk_no']).join(', ');
    const note = `2 of ${count} chunks were not compared (DATABASE_ERROR): chunks ${numbers}; their key ranges`;
    expect(entries?.notes.at(-1)).toBe(`${note} stand in the ledger's table chunk`);
    const left = WHOLE.filter((line) => !failed.some((chunk) => holds(chunk, Number(line.split(' ')[2]))));
    const lost = WHOLE.filter((line) => line.startsWith('entries') && !left.includes(line));
    expect(lost).toContain('entries missing_in_target 121');
    const found = await scenario.findings(broken.runId);
    expect(found).toEqual(WHOLE.filter((line) => !lost.includes(line)));
    const planned = await scenario.target(
      `select distinct table_name, operation from trueup.plan_item where run_id = $1 order by 1, 2`,
      [broken.runId],
    );
    expect(planned).toEqual([
      { table_name: 'accounts', operation: 'delete' },
      { table_name: 'accounts', operation: 'update' },
      { table_name: 'entries', operation: 'insert' },
      { table_name: 'entries', operation: 'update' },
    ]);
    const status = await scenario.trueup('status', broken.runId);
    expect(status.stdout).toContain('no deletes were planned for it');
    expect(status.stdout).toContain(entries?.notes.at(-1));
  });

  test('is resumed: only the two are compared then, and it finds what a whole run finds', async () => {
    await fails('0');
    const run = await scenario.trueup('run', '--resume', broken.runId, '--json');
    expect(run.code).toBe(1);
    const resumed = parse(run.stdout);
    expect(resumed.status).toBe('inconsistent');
    expect(await scenario.findings(resumed.runId)).toEqual(WHOLE);
    const [before, after] = [await chunks(broken.runId), await chunks(resumed.runId)];
    expect(after.every(({ status }) => status === 'done')).toBe(true);
    const again = after.filter((chunk, i) => chunk['compared_at'] !== before[i]?.['compared_at']);
    expect(again.map((chunk) => [holds(chunk, 120), holds(chunk, 333)])).toEqual([
      [true, false],
      [false, true],
    ]);
    const whole = parse((await scenario.trueup('run', '--json')).stdout);
    expect(await scenario.findings(whole.runId)).toEqual(WHOLE);
    const refused = await scenario.trueup('run', '--resume', whole.runId);
    expect(refused.code).toBe(2);
    expect(refused.stderr + refused.stdout).toContain('RUN_NOT_RESUMABLE');
  });

  test('never deletes from the table when it is applied', async () => {
    await fails('120');
    const run = await scenario.trueup('run', '--apply', '--json');
    expect(run.code).toBe(4);
    expect(parse(run.stdout).status).toBe('incomplete');
    expect(await scenario.target('select id from entries where id = 9001')).toHaveLength(1);
    expect(
      await scenario.count(`select count(*) from audit.change where operation = 'delete' and table_name = 'entries'`),
    ).toBe(0);
    await fails('0');
    const resumed = await scenario.trueup('run', '--apply', '--resume', parse(run.stdout).runId, '--json');
    expect(resumed.code).toBe(0);
    const rows = 'select id, note from entries order by id';
    expect(await scenario.target(rows)).toEqual(await scenario.source(rows));
    expect(await scenario.target('table accounts order by id')).toEqual(
      await scenario.source('table accounts order by id'),
    );
  });
});
