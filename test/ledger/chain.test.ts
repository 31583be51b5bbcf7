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

  it('takes each success and each effect of it once, however often and in whatever mixture they are told', async () => {
    const runId = await planned(60);
    // Every third is an effect of the one after it.
    await on.test.query('update trueup.plan_item set effect_of = seq + 1 where run_id = $1 and seq % 3 = 1', [runId]);
    await setPlanDigest(on.ledger, runId, await digestPlan(on.ledger, runId));
    const seqs = Array.from({ length: 60 }, (_, i) => i + 1).filter((seq) => seq % 3 !== 1);
    const told = (some: readonly number[]) =>
      some.map((seq) => {
        const status = seq % 5 === 0 ? 'SKIPPED_STALE' : 'SUCCESS';
        return { seq: String(seq), status, error: status === 'SUCCESS' ? null : 'why' } as const;
      });
    const entered = await Promise.all(
      Array.from({ length: 30 }, (_, i) => [...seqs.slice(i), ...seqs.slice(0, i)].slice(0, 12)).map((some) =>
        insertCorrections(on.ledger, runId, null, told(some)),
      ),
    );
    const sum = (pick: (one: (typeof entered)[number]) => number) => entered.reduce((n, one) => n + pick(one), 0);
    expect(sum(({ counts }) => counts.SUCCESS ?? 0)).toBe(48);
    expect(sum(({ counts }) => counts.SKIPPED_STALE ?? 0)).toBe(12);
    expect(sum(({ automatic }) => automatic.reduce((n, line) => n + line.n, 0))).toBe(48);
    expect(await insertCorrections(on.ledger, runId, 'bob', told(seqs))).toEqual({ counts: {}, automatic: [] });
    expect(
      await on.test.query(
        `select c.status, count(*) as n,
                count(*) filter (where to_jsonb(c) @> to_jsonb(p) - array['step', 'key_digest', 'source_data', 'check_source',
                  'needs_approval', 'effect_of', 'effect_also', 'given', 'effect_level', 'constraint_name', 'left_out', 'review_id', 'undoes']) as same
           from trueup.correction_log c join trueup.plan_item p using (run_id, seq) where run_id = $1 group by 1 order by 1`,
        [runId],
      ),
    ).toEqual([
      { status: 'SKIPPED_STALE', n: '12', same: '12' },
      { status: 'SUCCESS', n: '48', same: '48' },
    ]);
    const { problems, summary } = await audit(runId);
    expect(problems.filter(({ type }) => /^(chain|entr|head)/.test(type))).toEqual([]);
    expect(summary.chain?.entries).toBe(60);
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
