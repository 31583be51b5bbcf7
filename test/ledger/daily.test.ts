import type { Severity } from '../../contracts/finding';
import type { RunStatus } from '../../contracts/run';
import { insertCorrections } from '../../ledger/correction';
import { readDailyReport, readTally } from '../../ledger/daily';
import { resolveCorrected } from '../../ledger/finding';
import { insertPlan } from '../../ledger/plan';
import { endRun } from '../../ledger/run';
import { readTrend } from '../../ledger/trend';
import { comparisonOf, differenceAt, TestLedger } from '../support/ledger';

const POLICIES = { missing: 'auto', mismatched: 'approve', extra: 'review' } as const;
const THREE = [differenceAt('1', 'missing'), differenceAt('2', 'mismatch'), differenceAt('3', 'extra')];
const TODAY = '2026-03-20';

describe('reports of days', () => {
  let on: TestLedger;
  beforeAll(async () => {
    on = await TestLedger.create('ledger_daily');
  });
  afterAll(() => on.drop());

  /** A run that began then, of table `name`, and ended so. */
  const ran = async (startedAt: string, status: RunStatus, differences = THREE, name = 't') => {
    const runId = await on.runWith([[comparisonOf(name, POLICIES), differences]]);
    await insertPlan(on.ledger, runId);
    if (status !== 'running' && status !== 'awaiting_approval') {
      await endRun(on.ledger, runId, { status, error: null, phases: {} });
    }
    await on.ledger.query(`update run set started_at = $2::timestamptz, status = $3 where run_id = $1`, [
      runId,
      startedAt,
      status,
    ]);
    await on.ledger.query(`update job_history set started_at = $2::timestamptz where run_id = $1`, [runId, startedAt]);
    return runId;
  };
  const corrected = async (runId: string, results: Readonly<Record<string, 'SUCCESS' | 'FAILED'>>) => {
    const made = Object.entries(results).map(([seq, status]) => ({ seq, status, error: null }));
    await insertCorrections(on.ledger, runId, 'ann', made);
    await resolveCorrected(on.ledger, runId, 2);
    await endRun(on.ledger, runId, { status: 'applied', error: null, phases: {} });
  };

  it('count what the runs that began on the day, in UTC, found and corrected', async () => {
    const first = await ran('2026-03-01 00:00:00Z', 'applied');
    await corrected(first, { '1': 'SUCCESS', '2': 'SUCCESS' });
    await ran('2026-03-01 23:59:59.999Z', 'consistent', [], 'u');
    // Neither this nor the next: their days are others in UTC.
    await ran('2026-03-01 01:00:00+02', 'inconsistent');
    await ran('2026-03-02 00:00:00Z', 'inconsistent');
    const report = await readDailyReport(on.ledger, '2026-03-01', TODAY);
    expect(report).toMatchObject({
      date: '2026-03-01',
      timeZone: 'UTC',
      isOver: true,
      runs: { total: 2, byStatus: { applied: 1, consistent: 1 } },
      findings: {
        total: 3,
        byTable: { t: 3 },
        byType: { missing_in_target: 1, field_mismatch: 1, extra_in_target: 1 },
        bySeverity: { high: 2, medium: 1 },
      },
      tablesAffected: 1,
      corrections: { byStatus: { SUCCESS: 2 }, automatic: 1 },
      autoCorrection: { rowFindings: 3, corrected: 1, rate: 1 / 3 },
      jobsLeftOut: 0,
      purgedRuns: 0,
    });
    const line = (type: string, severity: Severity, corrected: number) =>
      expect.objectContaining({ table: 't', type, severity, findings: 1, corrected, kept: 0 }) as object;
    expect(report.findings.lines).toEqual([
      line('extra_in_target', 'high', 0),
      line('field_mismatch', 'medium', 1),
      line('missing_in_target', 'high', 1),
    ]);
    expect(report.corrections.lines).toEqual([
      { table: 't', operation: 'insert', status: 'SUCCESS', automatic: true, corrections: 1 },
      { table: 't', operation: 'update', status: 'SUCCESS', automatic: false, corrections: 1 },
    ]);
    expect(
      report.jobs.map(({ jobType, status, issuesFound, corrections }) => [jobType, status, issuesFound, corrections]),
    ).toEqual([
      ['reconcile', 'consistent', 0, 0],
      ['reconcile', 'applied', 3, 2],
    ]);
    expect(await readTally(on.ledger, { runId: first })).toMatchObject({
      findings: { total: 3 },
      autoCorrection: { rowFindings: 3, corrected: 1 },
      jobs: [{ runId: first }],
    });
  });

  it('have no rate where nothing was found, and say so of a day without runs too', async () => {
    for (const date of ['2026-02-01', TODAY]) {
      expect(await readDailyReport(on.ledger, date, TODAY)).toMatchObject({
        isOver: date !== TODAY,
        runs: { total: 0, byStatus: {} },
        findings: { total: 0, byTable: {}, lines: [] },
        tablesAffected: 0,
        autoCorrection: { rowFindings: 0, corrected: 0, rate: null },
        jobs: [],
      });
    }
  });

  it('count for the rate neither what failed, nor what is no row, nor what an undo did', async () => {
    const runId = await ran('2026-03-05 12:00Z', 'applied', [
      differenceAt('1', 'missing'),
      differenceAt('2', 'missing'),
    ]);
    await corrected(runId, { '1': 'SUCCESS', '2': 'FAILED' });
    await on.ledger.query(
      `insert into reconciliation_log (run_id, table_name, inconsistency_type, severity, key_digest, record_key)
       values ($1, 'elsewhere', 'schema_drift', 'low', '\\x00', '{}')`,
      [runId],
    );
    const undo = await ran('2026-03-05 13:00Z', 'applied', THREE.slice(0, 1), 'v');
    await on.ledger.query(`update run set kind = 'undo' where run_id = $1`, [undo]);
    await corrected(undo, { '1': 'SUCCESS' });
    await on.ledger.query('delete from reconciliation_log where run_id = $1', [undo]);
    const report = await readDailyReport(on.ledger, '2026-03-05', TODAY);
    expect(report).toMatchObject({
      findings: { total: 3 },
      tablesAffected: 2,
      corrections: { byStatus: { SUCCESS: 2, FAILED: 1 }, automatic: 1 },
      autoCorrection: { rowFindings: 2, corrected: 1, rate: 0.5 },
    });
    // Taken back later, it was made all the same.
    await on.ledger.query(`update reconciliation_log set resolution = 'UNDONE' where run_id = $1`, [runId]);
    expect((await readDailyReport(on.ledger, '2026-03-05', TODAY)).autoCorrection.rate).toBe(0.5);
  });

  it('show a trend of every day, in which one without a run, or with none that came to its end, has no data', async () => {
    await ran('2026-03-10 09:00Z', 'consistent', []);
    await ran('2026-03-11 09:00Z', 'failed', []);
    await ran('2026-03-11 10:00Z', 'running', []);
    // Found is found, also where the run failed later.
    await ran('2026-03-12 09:00Z', 'failed', THREE.slice(0, 2));
    await ran('2026-03-14 09:00Z', 'awaiting_approval');
    await ran('2026-03-14 23:59Z', 'inconsistent');
    await ran('2026-03-15 09:00Z', 'incomplete', []);
    const report = await readTrend(on.ledger, '2026-03-09', '2026-03-15', TODAY);
    expect(report.days.map(({ date, runs, findings }) => [date, runs, findings])).toEqual([
      ['2026-03-09', 0, null],
      ['2026-03-10', 1, 0],
      ['2026-03-11', 2, null],
      ['2026-03-12', 1, 2],
      ['2026-03-13', 0, null],
      ['2026-03-14', 2, 6],
      ['2026-03-15', 1, null],
    ]);
    expect(report.trend).toMatchObject({ verdict: 'increasing', date: '2026-03-14', findings: 6, mean: 1 });
    const now = await readTrend(on.ledger, '2026-03-10', '2026-03-14', '2026-03-14');
    expect(now.days.map(({ isOver }) => isOver)).toEqual([true, true, true, true, false]);
  });

  it('take findings that were purged for unknown', async () => {
    const runId = await ran('2026-03-17 09:00Z', 'inconsistent');
    await ran('2026-03-17 10:00Z', 'consistent', []);
    await on.ledger.query(
      `insert into purge (purge_id, workflow_id, findings, digest) values ('p', 'p', true, 'd')`,
      [],
    );
    await on.ledger.query(`insert into purge_run (purge_id, run_id) values ('p', $1)`, [runId]);
    await on.ledger.query('delete from reconciliation_log where run_id = $1', [runId]);
    expect((await readDailyReport(on.ledger, '2026-03-17', TODAY)).purgedRuns).toBe(1);
    const { days } = await readTrend(on.ledger, '2026-03-17', '2026-03-17', TODAY);
    expect(days).toEqual([expect.objectContaining({ date: '2026-03-17', runs: 2, findings: null, purgedRuns: 1 })]);
  });
});
