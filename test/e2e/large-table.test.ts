import { readFileSync } from 'node:fs';
import { Scenario, type Contents } from '../support/scenario';

jest.setTimeout(300_000);

const large = (rows: number): Contents => ({
  tables: ['ledger_lines'],
  schema: `create table ledger_lines (
    id bigint primary key, account int not null, booked date not null, amount numeric(12,2) not null,
    currency text not null, memo text, flagged boolean not null, changed timestamptz not null);`,
  rows: `insert into ledger_lines
    select g, g % 5000, date '2020-01-01' + g % 1500, (g * 31 % 1000003) / 100.0, (array['EUR', 'USD', 'JPY'])[1 + g % 3],
           'Booking ' || md5(g::text), g % 17 = 0, timestamptz '2024-01-01 00:00Z' + g * interval '1 second'
      from generate_series(1, ${rows}) g;`,
  damage: `
    delete from ledger_lines where id % ${rows / 25} = 17;
    update ledger_lines set amount = amount + 0.01 where id % ${rows / 50} = 5;
    insert into ledger_lines
      select ${rows} + g * 100, 1, date '2024-01-01', 1, 'EUR', null, false, now() from generate_series(1, 25) g;`,
});

/** The hundred differences that `large` makes: 25 rows missing, 50 changed, 25 extra. */
function differencesOf(rows: number): readonly string[] {
  const ids = (count: number, idOf: (n: number) => number) => Array.from({ length: count }, (_, n) => idOf(n));
  return [
    ...ids(25, (n) => n * (rows / 25) + 17).map((id) => `ledger_lines missing_in_target ${id}`),
    ...ids(50, (n) => n * (rows / 50) + 5).map((id) => `ledger_lines field_mismatch ${id}`),
    ...ids(25, (n) => rows + (n + 1) * 100).map((id) => `ledger_lines extra_in_target ${id}`),
  ].sort();
}

/** MB: the most memory that the process ever held. */
function peakMemory(pid: number): number {
  const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]) / 1024;
}

async function historyLengths(scenario: Scenario): Promise<Record<string, number>> {
  const lengths: Record<string, number> = {};
  for (const { workflowId, runId, type } of await scenario.executions()) {
    const { historyLength } = await scenario.describe(workflowId, runId);
    lengths[`${type} ${runId}`] = historyLength;
  }
  return lengths;
}

async function reconcile(scenario: Scenario) {
  const started = Date.now();
  const worker = await scenario.startWorker();
  const workflowId = await scenario.startReconcile({});
  const { run_id: runId } = await scenario.waitForRun(workflowId, ['inconsistent'], 240_000);
  const found = await scenario.findings(runId);
  const megabytes = peakMemory(worker.pid);
  const lengths = await historyLengths(scenario);
  if (process.env['TRUEUP_TEST_FIGURES']) console.log({ ms: Date.now() - started, megabytes, lengths });
  return { found, megabytes, lengths, runId };
}

describe('a large table', () => {
  let scenario: Scenario | undefined;
  afterEach(async () => {
    await scenario?.remove();
    scenario = undefined;
  });

  test('1,000,000 rows with default settings: 100 differences found exactly, in little memory and short histories', async () => {
    scenario = await Scenario.create({ contents: large(1_000_000), settle: null });
    const { found, megabytes, lengths } = await reconcile(scenario);
    expect(found).toEqual(differencesOf(1_000_000));
    expect(megabytes).toBeLessThan(512);
    expect(Object.keys(lengths).length).toBeGreaterThanOrEqual(2);
    expect(Math.max(...Object.values(lengths))).toBeLessThan(5_000);
  });

  test('1,200 chunks: no history grows past 5,000 events, whatever the chunk size', async () => {
    scenario = await Scenario.create({ contents: large(300_000), defaults: ['chunkRows: 250'] });
    const { found, megabytes, lengths, runId } = await reconcile(scenario);
    expect(found).toEqual(differencesOf(300_000));
    expect(await scenario.count('select count(*) from trueup.chunk where run_id = $1', [runId])).toBeGreaterThanOrEqual(
      1_190,
    );
    // It continued as new, so there are more executions than one run and one table.
    expect(Object.keys(lengths).length).toBeGreaterThan(2);
    expect(Math.max(...Object.values(lengths))).toBeLessThan(5_000);
    expect(megabytes).toBeLessThan(512);
  });
});
