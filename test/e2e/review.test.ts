import { Scenario } from '../support/scenario';

interface Entry {
  readonly id: string;
  readonly table: string;
  readonly type: string;
  readonly status: string;
  readonly key: Record<string, string>;
}

let scenario: Scenario;
let damaged: Record<string, string>;

const lines = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Entry);

describe('the review queue on the command line', () => {
  beforeAll(async () => {
    scenario = await Scenario.create({
      defaults: ['chunkRows: 1000', 'corrections: { missing: review, mismatched: review, extra: review }'],
    });
    damaged = await scenario.digestOfTarget();
    await scenario.startWorker();
  });
  afterAll(() => scenario.remove());

  const open = async (...filter: string[]) =>
    lines((await scenario.trueup('review', 'list', '--json', ...filter)).stdout);

  test('is empty before anything was compared', async () => {
    expect(await scenario.trueup('review', 'list')).toMatchObject({ code: 0, stdout: 'No entries.\n', stderr: '' });
    expect(await scenario.trueup('report', 'review', '--json')).toMatchObject({ code: 0, stdout: '[]\n' });
  });

  test('holds every difference of a run, and changes nothing by itself', async () => {
    const run = await scenario.trueup('run', '--apply', '--json');
    expect(run.code).toBe(1);
    const expected = await scenario.expectedFindings();
    const entries = await open();
    expect(entries.map(({ table, type, key }) => `${table} ${type} ${Object.values(key)[0] ?? ''}`).sort()).toEqual(
      expected,
    );
    expect((JSON.parse(run.stdout) as { inReview: number }).inReview).toBe(expected.length);
    expect(await scenario.digestOfTarget()).toEqual(damaged);
    const report = JSON.parse((await scenario.trueup('report', 'review', '--json')).stdout) as {
      status: string;
      count: number;
    }[];
    expect(new Set(report.map(({ status }) => status))).toEqual(new Set(['PENDING']));
    expect(report.reduce((sum, { count }) => sum + count, 0)).toBe(expected.length);
    const text = await scenario.trueup('report', 'review');
    expect(text.stdout).toMatch(/type .*severity .*status .*count .*oldest .*newest/);
  });

  test('shows an entry field by field, then and now', async () => {
    const entry = (await open('--table', 'customers', '--type', 'field_mismatch')).find(({ key }) => key['id'] === '3');
    await scenario.target(`update customers set balance = '7.77' where id = 3`);
    const shown = await scenario.trueup('review', 'show', entry?.id ?? '');
    expect(shown.stdout).toMatch(/balance\W+'1\.11'\W+'1\.12'\W+'1\.11'\W+'7\.77'/);
    expect(shown.stdout).toMatch(/resolve \d+ --resolution APPLY_SOURCE --as-of 20/);
    const json = JSON.parse((await scenario.trueup('review', 'show', entry?.id ?? '', '--json')).stdout) as {
      now: { source: Record<string, string>; target: Record<string, string> };
    };
    expect([json.now.source['balance'], json.now.target['balance']]).toEqual(['1.11', '7.77']);
    await scenario.target(`update customers set balance = '1.12' where id = 3`);
  });

  test('resolves by ID, and refuses the second time with who and when', async () => {
    const [entry] = await open('--table', 'customers', '--type', 'field_mismatch');
    const args = ['review', 'resolve', entry?.id ?? '', '--resolution', 'APPLY_SOURCE', '--reviewer', 'ada', '--json'];
    const resolved = await scenario.trueup(...args);
    expect(resolved).toMatchObject({ code: 0, stderr: '' });
    const report = JSON.parse(resolved.stdout) as { runId: string; kind: string; status: string; review: unknown };
    expect(report).toMatchObject({
      kind: 'review',
      status: 'applied',
      corrections: { SUCCESS: 1 },
      review: { resolution: 'APPLY_SOURCE', reviewer: 'ada', reviews: 1, closed: 1 },
    });
    const again = await scenario.trueup(...args);
    expect(again.code).toBe(4);
    expect(again.stderr).toMatch(/^trueup: REVIEW_REFUSED: entry \d+: already resolved: APPLY_SOURCE by ada at 20/);
    expect((await scenario.trueup('undo', report.runId, '--yes', '--json')).code).toBe(0);
    expect(await scenario.digestOfTarget()).toEqual(damaged);
  });

  test('says how many entries a filter holds, and resolves none of them unasked', async () => {
    const held = (await open('--type', 'missing_in_target')).length;
    const args = ['review', 'resolve', '--type', 'missing_in_target', '--resolution', 'APPLY_SOURCE'];
    const unasked = await scenario.trueup(...args);
    expect(unasked.code).toBe(2);
    expect(unasked.stdout).toContain(`would resolve ${held.toLocaleString('en-US')} open entr`);
    expect(unasked.stderr).toMatch(/--yes/);
    expect(await scenario.digestOfTarget()).toEqual(damaged);
    const resolved = await scenario.trueup(...args, '--yes', '--reviewer', 'bo', '--notes', 'the load of May');
    expect(resolved.stdout).toMatch(/APPLY_SOURCE by bo: [\d,]+ entries, \d+ resolved\./);
    expect(resolved.code).toBe(0);
    expect(await open('--type', 'missing_in_target')).toEqual([]);
    const [reviewed] = await open('--status', 'REVIEWED', '--type', 'missing_in_target');
    expect(reviewed).toMatchObject({ resolution: 'APPLY_SOURCE', reviewer: 'bo', notes: 'the load of May' });
  });

  test('resolves entries in ways of their own, whatever becomes of the others', async () => {
    const [first, third] = await open('--type', 'extra_in_target');
    const mismatches = await open('--table', 'customers', '--type', 'field_mismatch');
    const second = mismatches.find(({ key }) => key['id'] === '3');
    const [resolved] = await open('--status', 'REVIEWED');
    const ids = [first, second, third, resolved].map((entry) => entry?.id ?? '');
    const words = [`${ids[0]}=KEEP_TARGET`, ids[1] ?? '', `${ids[2]}=KEEP_TARGET`];
    const args = ['--resolution', 'APPLY_SOURCE', '--reviewer', 'cy', '--json'];
    const refused = await scenario.trueup('review', 'resolve', ...words, ids[3] ?? '', ...args);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toMatch(/REVIEW_REFUSED: entry \d+: already resolved/);
    const reports = refused.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { review: unknown });
    expect(reports).toMatchObject([{ review: { resolution: 'KEEP_TARGET', reviewer: 'cy', reviews: 2, closed: 2 } }]);
    expect(await scenario.trueup('review', 'resolve', ids[1] ?? '', ...args)).toMatchObject({ code: 0 });
  });

  test('what was resolved, kept, refused and undone is found sound by the audit', async () => {
    const kept = await scenario.trueup('review', 'resolve', '--all', '--resolution', 'KEEP_TARGET', '--yes', '--json');
    expect(kept).toMatchObject({ code: 0, stderr: expect.stringContaining('would resolve') as string });
    const runs = await scenario.target(
      `select r.run_id, r.kind, r.status, v.resolution from trueup.run r left join trueup.review_resolution v using (run_id)
        where r.kind <> 'reconcile' order by r.started_at`,
    );
    expect(runs.map(({ kind, status, resolution }) => [kind, status, resolution])).toEqual([
      ['review', 'applied', 'APPLY_SOURCE'],
      ['review', 'failed', null],
      ['undo', 'applied', null],
      ['review', 'applied', 'APPLY_SOURCE'],
      ['review', 'applied', 'KEEP_TARGET'],
      ['review', 'failed', null],
      ['review', 'applied', 'APPLY_SOURCE'],
      ['review', 'applied', 'KEEP_TARGET'],
    ]);
    for (const { run_id: runId } of runs) {
      const { code, stdout } = await scenario.trueup('audit', runId ?? '', '--json');
      expect({ code, ...(JSON.parse(stdout) as object) }).toMatchObject({ code: 0, sound: true, problems: [] });
    }
    // By hand, another reviewer's name is put to what ada resolved.
    await scenario.target(`alter table trueup.decision disable trigger user;
      update trueup.decision set approver = 'bo' where run_id = '${runs[0]?.['run_id'] ?? ''}';
      alter table trueup.decision enable trigger user`);
    const { code, stdout } = await scenario.trueup('audit', runs[0]?.['run_id'] ?? '', '--json');
    expect(code).toBe(1);
    const problems = (JSON.parse(stdout) as { readonly problems: readonly { readonly type: string }[] }).problems;
    expect(problems.map(({ type }) => type)).toEqual(expect.arrayContaining(['entry_altered', 'approver_differs']));
  });

  test.each([
    ['an ID that is none', ['review', 'show', 'x'], /"x": allowed: the ID of an entry/],
    ['nothing to resolve', ['review', 'resolve', '--resolution', 'KEEP_TARGET'], /which entries\?/],
    ['both ways', ['review', 'resolve', '1', '--all', '--resolution', 'KEEP_TARGET'], /not both/],
    ['two ways for one entry', ['review', 'resolve', '1=KEEP_TARGET', '1=APPLY_SOURCE'], /found KEEP_TARGET and APPLY/],
    ['an unknown way', ['review', 'resolve', '1=KEEP'], /"1=KEEP": allowed: 1, 1=APPLY_SOURCE/],
    ['values for nobody', ['review', 'resolve', '1=KEEP_TARGET', '2=APPLY_SOURCE', '--values', '{}'], /--values goes/],
    ['no resolution', ['review', 'resolve', '1'], /--resolution/],
    [
      'values that are no JSON',
      ['review', 'resolve', '1', '--resolution', 'CUSTOM_FIX', '--values', '{'],
      /found no JSON/,
    ],
    ['a fix without values', ['review', 'resolve', '1', '--resolution', 'CUSTOM_FIX'], /values: found none/],
  ])('%s is told before anything is started', async (_, args, says) => {
    const exit = await scenario.trueup(...args);
    expect({ code: exit.code, stdout: exit.stdout }).toEqual({ code: 2, stdout: '' });
    expect(exit.stderr).toMatch(says);
  });
});
