import { NO_FAULTS, Scenario, type Contents } from '../support/scenario';

const CONTENTS: Contents = {
  tables: ['owners', 'pets'],
  schema: `
    create table owners (id int primary key, name text not null);
    create table vets (id int primary key);
    create table pets (id int primary key, owner int, vet int references vets, born date not null, died date,
      seen timestamptz not null);`,
  rows: `
    insert into owners select g, 'owner ' || g from generate_series(1, 50) g;
    insert into vets select generate_series(1, 5);
    insert into pets select g, 1 + g % 50, 1 + g % 5, date '2010-01-01' + g,
      case when g % 2 = 0 then date '2020-01-01' + g end, timestamptz '2024-01-01' + g * interval '97 minutes 13 seconds'
      from generate_series(1, 400) g;
    update pets set died = date '2000-01-01' where id = 400;`,
  damage: `
    delete from owners where id = 5;
    update pets set owner = 77 where id = 10;
    insert into pets values (900, 78, 1, '2020-01-01', null, now());
    set session_replication_role = replica;
    update pets set vet = 9 where id = 20;
    set session_replication_role = default;
    update pets set died = born - 1 where id in (30, 32);
    update pets set seen = seen - interval '2 hours' where id between 101 and 140;`,
};

const TABLES = (order: string) => `
  - owners
  - name: pets
    checks:
      order: ["${order}"]
      notFuture: [seen]
      references: [{ columns: [owner], parent: owners }]`;

interface Check {
  readonly kind: string;
  readonly subject: string;
  readonly status: string;
  readonly findings: number;
  readonly detail: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}
interface Report {
  readonly runId: string;
  readonly status: string;
  readonly planDigest: string;
  readonly remaining: number;
  readonly checks: readonly Check[];
}
interface Line {
  readonly table: string;
  readonly type: string;
  readonly severity: string;
  readonly resolution: string;
  readonly key: Record<string, string>;
  readonly detail: string | null;
}

const parse = (text: string) => JSON.parse(text) as Report;

describe('references and times', () => {
  let scenario: Scenario;
  beforeAll(async () => {
    scenario = await Scenario.create({ contents: CONTENTS, tables: TABLES('born <= died') });
    await scenario.startWorker();
  });
  afterAll(() => scenario.remove());

  const found = async (runId: string) =>
    (await scenario.trueup('findings', runId, '--json')).stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
      .filter(({ type }) => type === 'referential_violation' || type === 'temporal_violation')
      .map(({ type, severity, resolution, key, detail }) =>
        [type, severity, resolution, Object.values(key).join(' '), detail].join('; '),
      )
      .sort();
  const EXPECTED = (resolution: string) => [
    ...['104', '154', '204', '254', '304', '354', '4', '54'].map(
      (id) =>
        `referential_violation; medium; ${resolution}; ${id}; ` +
        'owner → owners (id): the target has no such row, the source has: insert it from there',
    ),
    `referential_violation; high; ${resolution}; 10; owner → owners (id): neither side has such a row: review`,
    `referential_violation; high; ${resolution}; 20; vet → public.vets (id): neither side has such a row: review`,
    `referential_violation; high; ${resolution}; 900; owner → owners (id): neither side has such a row; ` +
      'the row that refers to it is in the target only: review',
    `temporal_violation; high; ${resolution}; seen -02:00:00; ` +
      'seen: off by -02:00:00 in 40 of the 40 rows in which it differs, as by a time zone',
    `temporal_violation; medium; ${resolution}; 30; born <= died does not hold`,
    `temporal_violation; medium; ${resolution}; 32; born <= died does not hold`,
    'temporal_violation; low; OPEN; 400; born <= died does not hold, in the source in the same way',
  ];

  it('are findings of a run, those that corrections put right are resolved, and undone with them', async () => {
    const run = await scenario.trueup('run', '--apply', '--json');
    expect(run.code).toBe(3);
    const { runId, planDigest, checks } = parse(run.stdout);
    expect(await found(runId)).toEqual(EXPECTED('OPEN').sort());
    expect(checks.map(({ kind, subject, status, findings }) => [kind, subject, status, findings])).toEqual(
      expect.arrayContaining([
        ['references', 'owners', 'passed', 0],
        ['references', 'pets', 'failed', 11],
        ['times', 'pets', 'failed', 4],
      ]),
    );

    expect((await scenario.trueup('approve', runId, '--plan', planDigest, '--approver', 'Ada')).code).toBe(0);
    const { workflow_id: workflowId } = (
      await scenario.target('select workflow_id from trueup.run where run_id = $1', [runId])
    )[0] as { workflow_id: string };
    await scenario.waitForRun(workflowId, ['applied']);
    expect(await scenario.waitForClose(workflowId)).toBe('COMPLETED');
    expect(await scenario.digestOfTarget()).toEqual(await scenario.digestOfSource());
    expect(await found(runId)).toEqual(EXPECTED('APPROVED_CORRECTED').sort());
    expect(parse((await scenario.trueup('status', runId, '--json')).stdout)).toMatchObject({ remaining: 0 });
    expect(await scenario.ledgerFaults(runId)).toEqual(NO_FAULTS);

    const again = await scenario.trueup('run', '--json');
    expect(again.code).toBe(0);
    expect(parse(again.stdout)).toMatchObject({ status: 'consistent' });

    // The reference that no constraint may hold comes back only without it.
    await scenario.target('alter table pets drop constraint pets_vet_fkey');
    expect((await scenario.trueup('undo', runId, '--yes')).code).toBe(0);
    expect(await found(runId)).toEqual(EXPECTED('UNDONE').sort());
  }, 300_000);

  it('that cannot be checked make a run incomplete, with what was found and what is allowed, and stop no other', async () => {
    scenario.writeConfig({ tables: TABLES('born <= gone') });
    const run = await scenario.trueup('run', '--json');
    expect(run.code).toBe(4);
    const { runId, status, checks } = parse(run.stdout);
    expect(status).toBe('incomplete');
    expect(checks.find(({ kind, subject }) => kind === 'times' && subject === 'pets')).toMatchObject({
      status: 'incomplete',
      findings: 0,
      error: {
        code: 'COLUMN_NOT_FOUND',
        message: 'table pets: born <= gone names the column gone; on both sides are id, owner, vet, born, died, seen',
      },
    });
    expect(checks.find(({ kind, subject }) => kind === 'references' && subject === 'pets')?.detail).toBe(
      'owner → owners (id); not checked: vet → public.vets of the source (no table pair has it as its source)',
    );
    const ofReferences = EXPECTED('OPEN').filter((line) => /^referential.*; owner/.test(line));
    expect(await found(runId)).toEqual(ofReferences.sort());
    // Rows are compared all the same.
    expect(await scenario.findings(runId)).toEqual(await scenario.expectedFindings());
  }, 300_000);
});
