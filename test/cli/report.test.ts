import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DailyReport, TrendReport } from '../../contracts/report';
import { insertCorrections } from '../../ledger/correction';
import { resolveCorrected } from '../../ledger/finding';
import { insertPlan } from '../../ledger/plan';
import { endRun } from '../../ledger/run';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { comparisonOf, differenceAt, TestLedger } from '../support/ledger';
import { runTrueup } from '../support/process';

describe('trueup report', () => {
  let on: TestLedger;
  let empty: TestDatabase;
  let folder: string;
  let runId: string;
  const trueup = (args: readonly string[], url = on.test.url) =>
    runTrueup(['report', ...args], {
      cwd: folder,
      env: { LEDGER_URL: url, TRUEUP_CONFIG: join(folder, 'trueup.yaml') },
    });
  const today = () => new Date().toISOString().slice(0, 10);

  beforeAll(async () => {
    on = await TestLedger.create('cli_report');
    empty = await createTestDatabase('cli_report_empty');
    folder = mkdtempSync(join(tmpdir(), 'trueup-report-'));
    writeFileSync(
      join(folder, 'trueup.yaml'),
      'connections: { a: { url: "${LEDGER_URL}" }, b: { url: "${LEDGER_URL}" } }\nledger: { connection: a }\ndefaults: { source: b, target: a }\ntables: [t]\n',
    );
    runId = await on.runWith([
      [
        comparisonOf('Ä "<b>"', { missing: 'auto', mismatched: 'approve', extra: 'approve' }),
        [differenceAt('1', 'missing'), differenceAt('2', 'mismatch')],
      ],
    ]);
    await insertPlan(on.ledger, runId);
    await insertCorrections(
      on.ledger,
      runId,
      'ann',
      ['1', '2'].map((seq) => ({ seq, status: 'SUCCESS', error: null })),
    );
    await resolveCorrected(on.ledger, runId, 2);
    await endRun(on.ledger, runId, { status: 'applied', error: null, phases: { comparing: 5 } });
  });
  afterAll(async () => {
    await on.drop();
    await empty.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('daily: a table, JSON, and a page', async () => {
    const text = await trueup(['daily']);
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(text.stdout).toMatch(/^Trueup on \d{4}-\d\d-\d\d \(UTC\), so far$/m);
    expect(text.stdout).toMatch(/^Auto-correction rate +50\.0 % \(1 of 2\)$/m);
    expect(text.stdout).toMatch(/missing_in_target .* high/);
    const json = await trueup(['daily', '--date', today(), '--json', '--html', 'daily.html']);
    const report = JSON.parse(json.stdout) as DailyReport;
    expect(report).toMatchObject({ findings: { total: 2 }, runs: { byStatus: { applied: 1 } }, jobs: [{ runId }] });
    const page = readFileSync(join(folder, 'daily.html'), 'utf8');
    expect(page).toContain('Ä &quot;&lt;b&gt;&quot;');
    expect(page).toContain('Chart.js v');
    const other = await trueup(['daily', '--date', '2020-02-29']);
    expect(other.code).toBe(0);
    expect(other.stdout).toMatch(/^Trueup on 2020-02-29 \(UTC\)$/m);
    expect(other.stdout).toMatch(/^Auto-correction rate +–$/m);
    expect(other.stdout).toContain('No findings.');
  });

  test('trend: seven days, or as many as asked for', async () => {
    const json = await trueup(['trend', '--json']);
    const { days, to, trend } = JSON.parse(json.stdout) as TrendReport;
    expect(days).toHaveLength(7);
    expect([to, days.at(-1)]).toEqual([
      today(),
      expect.objectContaining({ date: today(), findings: 2, isOver: false }),
    ]);
    expect(trend.verdict).toBeNull();
    const text = await trueup(['trend', '--days', '2', '--date', '2024-03-01']);
    expect(text.stdout).toContain('from 2024-02-29 to 2024-03-01 (UTC)');
    expect(text.stdout).toMatch(/^Trend +–: it takes two days with data/m);
    expect((await trueup(['trend', '--html', 'trend.html'])).stdout).toBe('Wrote trend.html\n');
    expect(readFileSync(join(folder, 'trend.html'), 'utf8')).toContain('<canvas');
  });

  test('run: one run by its ID, and none by another', async () => {
    const json = await trueup(['run', runId, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ run: { runId, status: 'applied' }, findings: { total: 2 } });
    const text = await trueup(['run', runId]);
    expect(text.stdout).toMatch(/^Status +applied$/m);
    const page = await trueup(['run', runId, '--html', 'run.html']);
    expect([page.code, readFileSync(join(folder, 'run.html'), 'utf8')]).toEqual([0, expect.stringContaining(runId)]);
    const none = await trueup(['run', 'nobody']);
    expect([none.code, none.stdout]).toEqual([2, '']);
    expect(none.stderr).toContain('RUN_NOT_FOUND');
  });

  test('a ledger that no run was written to is empty', async () => {
    const daily = JSON.parse((await trueup(['daily', '--json'], empty.url)).stdout) as DailyReport;
    expect(daily).toMatchObject({ runs: { total: 0 }, autoCorrection: { rate: null } });
    const trend = JSON.parse((await trueup(['trend', '--days', '30', '--json'], empty.url)).stdout) as TrendReport;
    expect(trend.days.map(({ findings }) => findings)).toEqual(Array.from({ length: 30 }, () => null));
    expect((await trueup(['run', 'x'], empty.url)).code).toBe(2);
  });

  test.each([
    [['daily', '--date', '2026-02-30'], /--date.*2026-02-30.*YYYY-MM-DD/],
    [['daily', '--date', '1.3.2026'], /--date.*1\.3\.2026.*YYYY-MM-DD/],
    [['daily', '--date', '2026-3-1'], /YYYY-MM-DD/],
    [['daily', '--date', ''], /YYYY-MM-DD/],
    [['daily', '--date', '2999-01-01'], /--date 2999-01-01 is in the future: today is \d{4}-\d\d-\d\d \(UTC\)/],
    [['trend', '--date', '2999-01-01'], /is in the future/],
    [['trend', '--days', '1'], /--days.*from 2 to 366/],
    [['trend', '--days', '367'], /from 2 to 366/],
    [['trend', '--days', '7.5'], /from 2 to 366/],
    [['daily', '--html', 'no/such/folder/x.html'], /--html no\/such\/folder\/x\.html.*ENOENT/],
    [['monthly'], /unknown command 'monthly'/],
  ])('%j is a usage error', async (args, says) => {
    const { code, stdout, stderr } = await trueup(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^trueup: USAGE: /);
    expect(stderr.replaceAll(/\s+/g, ' ')).toMatch(says);
  });
});
