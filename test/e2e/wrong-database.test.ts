import { Scenario } from '../support/scenario';
import { waitUntil } from '../../client/embedded/wait-until';

/** Two workers on one task queue, of which one has the URLs of other databases under the same names. */
let scene: Scenario;
let other: Scenario;

const contents = {
  tables: ['t'],
  schema: 'create table t (id int primary key, v text not null);',
  rows: "insert into t select g, 'row ' || g from generate_series(1, 400) g;",
  damage: "update t set v = v || ' changed' where id % 20 = 0;",
};

beforeAll(async () => {
  const options = { contents, tables: '  - { name: t, source: public.t, chunkRows: 50 }' };
  scene = await Scenario.create(options);
  other = await Scenario.create({
    ...options,
    contents: { ...contents, rows: contents.rows.replace('row ', 'other '), damage: '' },
  });
}, 120_000);

afterEach(async () => {
  for (const worker of scene.workers.splice(0)) await worker.kill9();
});

afterAll(async () => {
  await scene.remove();
  await other.remove();
});

const wrongUrls = () => ({ LEGACY_URL: other.sourceUrl, MODERN_URL: other.targetUrl });
interface Report {
  readonly servers?: { readonly connections: Record<string, { readonly database: string } | undefined> };
  readonly tables?: readonly { readonly status: string; readonly findings: object }[];
}

const databaseOf = (url: string) => new URL(url).pathname.slice(1);
/** The right ledger and target. */
const wrongSource = () => ({ LEGACY_URL: other.sourceUrl });

test.each([
  ['both databases and the ledger are others', wrongUrls],
  ['only the source is another', wrongSource],
])(
  'a worker never answers for databases that the run was not opened with: %s',
  async (_, wrong) => {
    await scene.startWorker();
    await scene.startWorker(wrong());
    const opened = new Set<string>();
    for (let round = 0; round < 3; round += 1) {
      const exit = await scene.trueup('run', '--json');
      const report = JSON.parse(exit.stdout || '{}') as Report;
      const legacy = report.servers?.connections['legacy']?.database;
      // A run that the other worker opened in its own ledger is about its own databases, and not in this one.
      if (legacy === undefined) continue;
      opened.add(legacy);
      const mismatched = legacy === databaseOf(scene.sourceUrl) ? 20 : 400;
      expect(report.tables?.map(({ status, findings }) => ({ status, findings }))).toEqual([
        { status: 'inconsistent', findings: { field_mismatch: mismatched } },
      ]);
    }
    expect(opened.size).toBeGreaterThan(0);
  },
  240_000,
);

test('a run that only wrong workers take ends with the reason, and was not answered for', async () => {
  const worker = await scene.startWorker();
  const id = await scene.startReconcile({ apply: true });
  await scene.waitForRun(id, ['awaiting_approval']);
  await worker.kill9();
  await scene.startWorker(wrongUrls());
  const run = await scene.findRun(id);
  await scene.approve(id, run?.plan_digest ?? '');
  await waitUntil(
    async () =>
      (await scene.temporal('workflow', 'describe', '--workflow-id', id, '-o', 'json')).includes('WRONG_DATABASE'),
    { timeoutMs: 60_000, everyMs: 500 },
  );
  const changed = await scene.count("select count(*) from t where v like '%changed'");
  expect(changed).toBe(20);
  // The right worker is back: the run goes on where it stood.
  for (const wrong of scene.workers.splice(0)) await wrong.kill9();
  await scene.startWorker();
  await scene.waitForRun(id, ['applied']);
  expect(await scene.count("select count(*) from t where v like '%changed'")).toBe(0);
  const status = await scene.trueup('status', id);
  expect(status.stdout).toMatch(
    /Databases: legacy is legacy_\w+, PostgreSQL \d[\d.]*, system …\d{6}; modern is modern_/,
  );
}, 240_000);
