import { insertCorrections } from '../../ledger/correction';
import { takeUnmeasuredFindings, takeUnmeasuredRun } from '../../ledger/measured';
import { insertPlan } from '../../ledger/plan';
import { endRun } from '../../ledger/run';
import { comparisonOf, differenceAt, TestLedger } from '../support/ledger';

describe('what the metrics count, by the ledger', () => {
  let on: TestLedger;
  beforeAll(async () => {
    on = await TestLedger.create('ledger_measured');
  });
  afterAll(() => on.drop());

  const byText = (a: object, b: object) => JSON.stringify(a).localeCompare(JSON.stringify(b));

  it('each finding once, by table, type and severity, also those that come later', async () => {
    const runId = await on.runWith([
      [comparisonOf('t'), [differenceAt('1', 'missing'), differenceAt('2', 'missing'), differenceAt('3', 'mismatch')]],
      [comparisonOf('u', undefined, true), [differenceAt('1', 'extra')]],
    ]);
    const missing = { table: 't', type: 'missing_in_target', severity: 'high', n: 2 };
    const mismatch = { table: 't', type: 'field_mismatch', severity: 'medium', n: 1 };
    expect([...(await takeUnmeasuredFindings(on.ledger, runId, 't'))].sort(byText)).toEqual([mismatch, missing]);
    expect(await takeUnmeasuredFindings(on.ledger, runId, 't')).toEqual([]);
    await on.ledger.query(
      `insert into reconciliation_log (run_id, table_name, inconsistency_type, severity, key_digest, record_key)
       select run_id, table_name, inconsistency_type, severity, sha256(key_digest), record_key
         from reconciliation_log where run_id = $1 and inconsistency_type = 'field_mismatch'`,
      [runId],
    );
    expect(await takeUnmeasuredFindings(on.ledger, runId, null)).toEqual(
      expect.arrayContaining([mismatch, { table: 'u', type: 'extra_in_target', severity: 'critical', n: 1 }]),
    );
    expect(await takeUnmeasuredFindings(on.ledger, runId, null)).toEqual([]);
  });

  it('of two that count at once only one', async () => {
    const runId = await on.runWith([[comparisonOf('t'), [differenceAt('1', 'missing'), differenceAt('2', 'extra')]]]);
    const taken = await Promise.all(Array.from({ length: 6 }, () => takeUnmeasuredFindings(on.ledger, runId, 't')));
    expect(taken.flat().reduce((sum, { n }) => sum + n, 0)).toBe(2);
  });

  it('nothing that a reviewer decided to keep', async () => {
    const runId = await on.runWith([[comparisonOf('t'), [differenceAt('1', 'missing'), differenceAt('2', 'missing')]]]);
    await on.ledger.query(
      `update reconciliation_log set resolution = 'KEPT_TARGET' where run_id = $1 and record_key ->> 'id' = '1'`,
      [runId],
    );
    expect((await takeUnmeasuredFindings(on.ledger, runId, null)).map(({ n }) => n)).toEqual([1]);
  });

  it('how long a run took, once, when it has ended, without its wait for an approval', async () => {
    const runId = await on.runWith([[comparisonOf('t'), []]]);
    expect(await takeUnmeasuredRun(on.ledger, runId)).toBeNull();
    await on.ledger.query(`update run set started_at = clock_timestamp() - interval '1 hour' where run_id = $1`, [
      runId,
    ]);
    const phases = { comparing: 5, 'awaiting approval': 3_000_000 };
    await endRun(on.ledger, runId, { status: 'consistent', error: null, phases });
    const seconds = await takeUnmeasuredRun(on.ledger, runId);
    expect(seconds).toBeGreaterThanOrEqual(600);
    expect(seconds).toBeLessThan(700);
    expect(await takeUnmeasuredRun(on.ledger, runId)).toBeNull();
  });

  describe('corrections without approval', () => {
    const policies = { missing: 'auto', mismatched: 'approve', extra: 'auto' } as const;
    const differences = [differenceAt('1', 'missing'), differenceAt('2', 'mismatch'), differenceAt('3', 'extra')];
    const made = ['1', '2', '3'].map((seq) => ({ seq, status: 'SUCCESS' as const, error: null }));

    it('as they are entered, and not again', async () => {
      const runId = await on.runWith([[comparisonOf('t', policies), differences]]);
      await insertPlan(on.ledger, runId);
      const { counts, automatic } = await insertCorrections(on.ledger, runId, 'ann', made);
      expect(counts).toEqual({ SUCCESS: 3 });
      expect([...automatic].sort(byText)).toEqual([
        { table: 't', operation: 'delete', n: 1 },
        { table: 't', operation: 'insert', n: 1 },
      ]);
      expect(await insertCorrections(on.ledger, runId, 'ann', made)).toEqual({ counts: {}, automatic: [] });
    });

    it('none of an undo or a review, which a person asked for, and none that failed', async () => {
      const undo = await on.runWith([[comparisonOf('t', policies), differences]]);
      await insertPlan(on.ledger, undo);
      await on.ledger.query(`update run set kind = 'review' where run_id = $1`, [undo]);
      expect(await insertCorrections(on.ledger, undo, 'ann', made)).toEqual({ counts: { SUCCESS: 3 }, automatic: [] });
      const failed = await on.runWith([[comparisonOf('t', policies), differences]]);
      await insertPlan(on.ledger, failed);
      const results = made.map((result) => ({ ...result, status: 'FAILED' as const, error: 'why' }));
      expect(await insertCorrections(on.ledger, failed, 'ann', results)).toEqual({
        counts: { FAILED: 3 },
        automatic: [],
      });
    });
  });
});
