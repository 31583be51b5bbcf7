import type { AuditProblem } from '../../contracts/audit';
import { auditRun } from '../../ledger/audit';
import { readChainHead } from '../../ledger/chain';
import { insertCorrections, insertDryRun } from '../../ledger/correction';
import { insertLateDecision } from '../../ledger/decision';
import { digestPlan } from '../../ledger/plan-digest';
import { endRun, setPlanDigest } from '../../ledger/run';
import { comparisonOf, TestLedger } from '../support/ledger';

describe('the chain of a run', () => {
  let on: TestLedger;
  beforeAll(async () => {
    on = await TestLedger.create('chain');
  });
  afterAll(() => on.drop());

  const planned = async (items: number) => {
    const runId = await on.run([comparisonOf('t')]);
    await on.test.query(
      `insert into trueup.plan_item (run_id, seq, step, table_name, operation, key_digest, record_key, before_data,
                                     after_data, check_source, needs_approval)
       select $1, g, 1, 't', 'update', int8send(g), jsonb_build_object('id', g::text),
              jsonb_build_object('id', g::text, 'a', repeat('x', 100)), jsonb_build_object('a', 'new'), true, false
         from generate_series(1, $2::int) g`,
      [runId, items],
    );
    await setPlanDigest(on.ledger, runId, await digestPlan(on.ledger, runId));
    return runId;
  };
  const audit = async (runId: string) => {
    const problems: AuditProblem[] = [];
    const summary = await auditRun(on.ledger, runId, {
      head: null,
      // No pair of such a run has a target.
      target: () => on.ledger,
      onProblem: async (problem) => void problems.push(problem),
    });
    return { problems, summary };
  };

  it('does not fork, however many append to it at once', async () => {
    const runId = await planned(60);
    const failed = (i: number) =>
      [i, i + 1, i + 2].map((seq) => ({ seq: String(seq), status: 'FAILED', error: 'e' }) as const);
    const late = { decision: 'approve', approver: 'bob', planDigest: null, reason: null, refusal: 'late' };
    await Promise.all([
      ...Array.from({ length: 58 }, (_, i) => insertCorrections(on.ledger, runId, null, failed(i + 1))),
      ...Array.from({ length: 20 }, () => insertLateDecision(on.ledger, runId, late)),
    ]);
    const { problems, summary } = await audit(runId);
    expect(problems).toEqual([]);
    expect(summary.checked).toMatchObject({ corrections: 60, decisions: 20 });
    expect(summary.chain?.entries).toBe(80);
  });

  it('takes a hundred thousand entries in pages, and finds the one of them that was altered', async () => {
    const runId = await planned(100_000);
    await on.test.query('update trueup.run set apply = false where run_id = $1', [runId]);
    expect(await insertDryRun(on.ledger, runId)).toBe(100_000);
    expect(await insertDryRun(on.ledger, runId)).toBe(0);
    await endRun(on.ledger, runId, { status: 'inconsistent', error: null, phases: {} });
    const before = process.memoryUsage().heapUsed;
    const sound = await audit(runId);
    expect(sound.problems).toEqual([]);
    expect(sound.summary).toMatchObject({ checked: { corrections: 100_000 }, chain: { entries: 100_000 } });
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(200_000_000);
    await on.test.query(
      `begin; set local session_replication_role = replica;
       update trueup.correction_log set created_at = now() where run_id = '${runId}' and seq = 77777; commit`,
    );
    const altered = await audit(runId);
    expect(altered.problems).toMatchObject([{ type: 'entry_altered', seq: '77777' }]);
    expect(await readChainHead(on.ledger, runId)).toEqual({ entries: 100_000, head: sound.summary.chain?.head });
  }, 180_000);
});
