import { waitUntil } from '../../client/embedded/wait-until';
import { countCorrections, insertCorrections, insertDryRun } from '../../ledger/correction';
import { resolveCorrected, streamFindings } from '../../ledger/finding';
import { insertPlan, listPlanSteps, nextPlanItems, streamPlan } from '../../ledger/plan';
import { readRunReport } from '../../ledger/report';
import { endRun } from '../../ledger/run';
import { collect, comparisonOf, differenceAt, TestLedger } from '../support/ledger';

describe('corrections in the ledger', () => {
  let on: TestLedger;
  beforeAll(async () => {
    on = await TestLedger.create('ledger_correction');
  });
  afterAll(() => on.drop());

  const planned = async (runId: string) => {
    await insertPlan(on.ledger, runId);
    return collect(streamPlan(on.ledger, runId));
  };
  it('one entry for each, whatever is recorded later', async () => {
    const runId = await on.runWith([
      [
        comparisonOf('t', { missing: 'auto', mismatched: 'approve', extra: 'approve' }),
        [differenceAt('1', 'missing'), differenceAt('2', 'mismatch'), differenceAt('3', 'extra')],
      ],
    ]);
    await planned(runId);
    const result = (seq: string, status: 'SUCCESS' | 'FAILED' | 'SKIPPED_STALE') => ({
      seq,
      status,
      error: status === 'SUCCESS' ? null : 'why',
    });
    await insertCorrections(on.ledger, runId, 'ann', [result('1', 'SUCCESS'), result('2', 'FAILED')]);
    await insertCorrections(on.ledger, runId, 'bob', [
      result('1', 'FAILED'),
      result('2', 'SUCCESS'),
      result('3', 'SKIPPED_STALE'),
    ]);
    expect(await countCorrections(on.ledger, runId)).toEqual({ SUCCESS: 1, FAILED: 1, SKIPPED_STALE: 1 });
    const approvers = await on.test.query(
      `select seq, approver from trueup.correction_log where run_id = '${runId}' order by seq`,
    );
    expect(approvers.map((row) => row['approver'])).toEqual([null, 'ann', 'bob']);
    const steps = await listPlanSteps(on.ledger, runId);
    for (const { step } of steps) expect(await nextPlanItems(on.ledger, runId, step, '0', 10)).toEqual([]);
    await resolveCorrected(on.ledger, runId, 1);
    const resolutions = (await collect(streamFindings(on.ledger, runId))).map(({ key, resolution }) => [
      key['id'],
      resolution,
    ]);
    expect(resolutions.sort()).toEqual([
      ['1', 'AUTO_CORRECTED'],
      ['2', 'FAILED'],
      ['3', 'SKIPPED_STALE'],
    ]);
  });

  it('a dry run once, and the end of a run once', async () => {
    const runId = await on.runWith([[comparisonOf('t'), [differenceAt('1', 'missing'), differenceAt('2', 'extra')]]]);
    await planned(runId);
    await insertDryRun(on.ledger, runId);
    await insertDryRun(on.ledger, runId);
    expect(await countCorrections(on.ledger, runId)).toEqual({ DRY_RUN: 2 });
    const end = { status: 'inconsistent', error: null, phases: { compare: 5 } } as const;
    await endRun(on.ledger, runId, end);
    const ended = await readRunReport(on.ledger, runId);
    await endRun(on.ledger, runId, end);
    expect(await readRunReport(on.ledger, runId)).toEqual(ended);
    expect(await on.test.query(`select issues_found from trueup.job_history where run_id = '${runId}'`)).toEqual([
      { issues_found: '2' },
    ]);
  });

  it('of no run that is not there, and gone with their run', async () => {
    const entry = (runId: string) =>
      `insert into trueup.correction_log (run_id, seq, table_name, operation, record_key, status)
       values ('${runId}', 1, 't', 'insert', '{}', 'SUCCESS')`;
    await expect(on.test.query(entry('nowhere'))).rejects.toMatchObject({ code: '23503' });
    const runId = await on.runWith([[comparisonOf('t'), [differenceAt('1', 'missing')]]]);
    const kept = await on.runWith([[comparisonOf('t'), [differenceAt('1', 'missing')]]]);
    await on.test.query(entry(kept));
    // Whoever deletes the run while an entry of it is being made waits, and takes that along.
    const deleting = await on.ledger.withTransaction('read write', async (session) => {
      await session.query(entry(runId));
      const deleted = on.ledger.query('delete from trueup.run where run_id = $1', [runId]);
      const waits = async () => {
        const waiting = await on.test.query(`select 1 from pg_stat_activity where wait_event_type = 'Lock'
                                                and query like 'delete from trueup.run %' and datname = current_database()`);
        return waiting.length > 0;
      };
      expect(await waitUntil(waits, { timeoutMs: 20_000 })).toBe(true);
      return { deleted };
    });
    await deleting.deleted;
    expect(
      await on.test.query('select run_id from trueup.correction_log where run_id = any ($1)', [[runId, kept]]),
    ).toEqual([{ run_id: kept }]);
  }, 60_000);
});
