import type { RunReport } from '../../contracts/run';
import type { Contents } from '../support/scenario';
import { Scenario } from '../support/scenario';

jest.setTimeout(240_000);

/** Rows that were changed long ago; each side's own times. */
const ROWS = `insert into items select g, 'v' || g, '2001-01-01' from generate_series(1, 20000) g;
  insert into lookup select g from generate_series(1, 10) g;`;
const CONTENTS: Contents = {
  tables: ['items', 'lookup'],
  schema: `create table items (id bigint primary key, v text, updated_at timestamptz not null default clock_timestamp());
    create table lookup (id int primary key);`,
  rows: ROWS,
  damage: '',
};
const TABLES = `  - { name: items, source: public.items, updatedAt: updated_at, exclude: [updated_at] }
  - { name: lookup, source: public.lookup }`;

let scenario: Scenario;

async function run(...args: string[]): Promise<{ code: number | null; report: RunReport }> {
  const { code, stdout } = await scenario.trueup('run', '--json', ...args);
  return { code, report: JSON.parse(stdout) as RunReport };
}
const mark = async () =>
  (await scenario.target(`select watermark from trueup.reconciliation_metadata where table_name = 'items'`))[0]?.[
    'watermark'
  ];
const changed = (from: number, to: number) =>
  scenario.source(`update items set v = 'new', updated_at = clock_timestamp() where id between ${from} and ${to}`);

describe('modes that do not compare every row', () => {
  beforeAll(async () => {
    scenario = await Scenario.create({ contents: CONTENTS, tables: TABLES, defaults: ['overlap: 1s'] });
    await scenario.startWorker();
  });
  afterAll(() => scenario.remove());

  describe('incremental runs', () => {
    it('compare what changed since the run before, and correct it', async () => {
      const first = await run('--mode', 'incremental');
      expect(first).toMatchObject({ code: 0, report: { status: 'consistent', mode: 'incremental' } });
      expect(first.report.tables).toMatchObject([
        { name: 'items', rowsSource: 20_000 },
        { name: 'lookup', rowsSource: 10 },
      ]);
      await changed(100, 109);
      const second = await run('--mode', 'incremental', 'items');
      expect(second).toMatchObject({ code: 1, report: { status: 'inconsistent' } });
      const [items] = second.report.tables;
      expect(items).toMatchObject({ compared: 'changed rows', rowsSource: 10, findings: { field_mismatch: 10 } });
      expect(items?.checks).toMatchObject([{ kind: 'counts', status: 'passed' }]);
      const text = await scenario.trueup('status', second.report.runId);
      expect(text.stdout).toContain('inconsistent (changed rows)');
      expect(text.stdout).toContain('this does not see rows that were deleted');
    });

    it('survive a kill -9 of the worker; the watermark stays until the run has ended', async () => {
      const before = await mark();
      await changed(5_001, 15_000);
      const lock = await scenario.hold('lock table items in access exclusive mode');
      const workflowId = await scenario.startReconcile({ mode: 'incremental', tables: ['items'] });
      await scenario.waitForTarget(
        'a statement of Trueup that waits',
        `select count(*) > 0 from pg_stat_activity
        where datname = current_database() and application_name = 'trueup' and wait_event_type = 'Lock'`,
      );
      await scenario.workers.at(-1)?.kill9();
      await lock.release();
      expect(await mark()).toBe(before);
      await scenario.startWorker();
      // Killed once more, in the middle of its chunks.
      await scenario.waitForTarget(
        'a chunk that is done',
        `select count(*) > 0 from trueup.chunk c join trueup.run r using (run_id)
        where r.workflow_id = '${workflowId}' and c.kind = 'keys' and c.status = 'done'`,
      );
      await scenario.workers.at(-1)?.kill9();
      expect(await mark()).toBe(before);
      await scenario.startWorker();
      const { run_id: runId } = await scenario.waitForRun(workflowId, ['inconsistent'], 120_000);
      await scenario.waitForClose(workflowId);
      // The time of a change is not compared.
      const differing = await scenario.source(`select id from items where v = 'new'`);
      const expected = differing.map(({ id }) => `items field_mismatch ${id ?? ''}`).sort();
      expect(await scenario.findings(runId)).toEqual(expected);
      expect(expected.length).toBe(10_010);
      expect(String(await mark()) > String(before)).toBe(true);
      expect(
        await scenario.count(
          `select count(*) from (select key from trueup.chunk c, jsonb_array_elements(c.keys) as e(key)
        where run_id = $1 group by 1 having count(*) > 1) as twice`,
          [runId],
        ),
      ).toBe(0);
    });

    it('are refused for a table without a time of change', async () => {
      const exit = await scenario.trueup('run', 'lookup', '--mode', 'incremental');
      expect(exit.code).toBe(2);
      expect(exit.stdout + exit.stderr).toContain('UPDATED_AT_UNUSABLE: updatedAt is missing for lookup');
    });
  });

  describe('a run by sample', () => {
    it('estimates what all rows are like, the same with the same seed', async () => {
      const drawn = await run('items', '--mode', 'sample', '--sample-rows', '400', '--seed', '7');
      expect(drawn).toMatchObject({ code: 1, report: { mode: 'sample' } });
      const [items] = drawn.report.tables;
      // 10,010 of 20,000 rows differ.
      expect(items).toMatchObject({
        compared: 'a sample',
        estimate: { sampled: 400, seed: 7, recommendation: 'poor' },
      });
      const [low, high] = items?.estimate?.totalInterval ?? [0, 0];
      expect(low).toBeLessThan(10_010);
      expect(high).toBeGreaterThan(10_010);
      const again = await run('items', '--mode', 'sample', '--sample-rows', '400', '--seed', '7');
      expect(await scenario.findings(again.report.runId)).toEqual(await scenario.findings(drawn.report.runId));
    });

    it('that finds nothing is no match', async () => {
      const exit = await scenario.trueup('run', 'lookup', '--mode', 'sample');
      expect(exit.code).toBe(0);
      expect(exit.stdout).toContain('no difference in the sample');
      expect(exit.stdout).not.toMatch(/\bconsistent\b/);
    });
  });
});
