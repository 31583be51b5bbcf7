import {
  insertDecision,
  insertLateDecision,
  listRefusals,
  readDecision,
  type DecisionEntry,
} from '../../ledger/decision';
import { comparisonOf, TestLedger } from '../support/ledger';

describe('decisions in the ledger', () => {
  let on: TestLedger;
  beforeAll(async () => {
    on = await TestLedger.create('ledger_decision');
  });
  afterAll(() => on.drop());

  const entry = (decisionNo: number, refusal: string): DecisionEntry => ({
    decisionNo,
    channel: 'signal',
    decision: 'approve',
    approver: 'ann',
    planDigest: 'a',
    reason: null,
    accepted: false,
    refusal,
  });
  const late = (refusal: string) => ({ decision: 'reject', approver: null, planDigest: null, reason: 'r', refusal });

  it('are each one entry, also when recorded twice', async () => {
    const runId = await on.run([comparisonOf('t')]);
    await insertDecision(on.ledger, runId, entry(1, 'first'));
    await Promise.all([2, 1, 2].map((no) => insertDecision(on.ledger, runId, entry(no, `again ${no}`))));
    expect(await listRefusals(on.ledger, runId)).toEqual(['first', 'again 2']);
  });

  it('that were taken are read as the workflow took them, with their terms', async () => {
    const runId = await on.run([comparisonOf('t')]);
    expect(await readDecision(on.ledger, runId)).toBeNull();
    await insertDecision(on.ledger, runId, { ...entry(1, 'no'), override: true, tables: ['x'] });
    expect(await readDecision(on.ledger, runId)).toBeNull();
    const tables = ['orders', 'a "b", {c}', 'NULL', ''];
    const terms = { tables, operations: ['delete' as const], override: true };
    const taken = { ...entry(2, ''), accepted: true, refusal: null, decidedAt: '2026-03-01T11:59:59.007Z', ...terms };
    await insertDecision(on.ledger, runId, taken);
    expect(await readDecision(on.ledger, runId)).toEqual({
      decision: 'approve',
      approver: 'ann',
      planDigest: 'a',
      reason: null,
      decidedAt: '2026-03-01T11:59:59.007Z',
      ...terms,
    });
  });

  it('hold what anybody may have sent', async () => {
    const runId = await on.run([comparisonOf('t')]);
    await insertDecision(on.ledger, runId, { ...entry(1, 'a\0b'), approver: '\ud800', tables: ['\0', '\udc00'] });
    await insertLateDecision(on.ledger, runId, { ...late('c\0d'), tables: ['\0'], override: true });
    expect(await listRefusals(on.ledger, runId)).toEqual(['a\ufffdb', 'c\ufffdd']);
  });

  it('that come late are all there, however many come at once', async () => {
    const runId = await on.run([comparisonOf('t')]);
    const refusals = Array.from({ length: 12 }, (_, i) => `late ${i}`);
    await Promise.all(refusals.map((refusal) => insertLateDecision(on.ledger, runId, late(refusal))));
    expect([...(await listRefusals(on.ledger, runId))].sort()).toEqual([...refusals].sort());
  });

  it('that come late leave the numbers of the workflow to it', async () => {
    const runId = await on.run([comparisonOf('t')]);
    await insertDecision(on.ledger, runId, entry(1, 'first'));
    await insertLateDecision(on.ledger, runId, late('late'));
    await insertDecision(on.ledger, runId, entry(2, 'second'));
    expect(await listRefusals(on.ledger, runId)).toEqual(['first', 'late', 'second']);
    const rows = await on.test.query(
      `select decision, channel, accepted from trueup.decision where run_id = $1 and channel = 'late'`,
      [runId],
    );
    expect(rows).toEqual([{ decision: 'reject', channel: 'late', accepted: 'f' }]);
  });
});
