import fc from 'fast-check';
import type { Decision } from '../../contracts/messages';
import { attemptOf, judge, type Attempt, type Gate } from '../../workflows/gate';

const DIGEST = 'a3f0'.repeat(16);
const DEADLINE = Date.parse('2026-03-01T12:00:00.000Z');
const OPEN: Gate = { state: 'open', planDigest: DIGEST, deadlineMs: DEADLINE };
const BEFORE = DEADLINE - 1_000;

const approval = (message: unknown): Attempt => attemptOf('signal', 'approve', message);
const refusalOf = (gate: Gate, attempt: Attempt, now = BEFORE) => {
  const verdict = judge(gate, attempt, now);
  return verdict.accepted ? null : verdict.refusal;
};

describe('the gate', () => {
  it('takes an approval of exactly its plan', () => {
    expect(judge(OPEN, approval({ approver: 'ada', planDigest: DIGEST, note: 'as agreed' }), BEFORE)).toEqual({
      accepted: true,
      decision: {
        decision: 'approve',
        approver: 'ada',
        planDigest: DIGEST,
        reason: 'as agreed',
        decidedAt: '2026-03-01T11:59:59.000Z',
      },
    });
  });

  it('takes a rejection with a reason, by signal also without a digest', () => {
    const verdict = judge(OPEN, attemptOf('signal', 'reject', { approver: 'ada', reason: 'not yet' }), BEFORE);
    expect(verdict).toMatchObject({
      accepted: true,
      decision: { decision: 'reject', planDigest: DIGEST, reason: 'not yet' },
    });
  });

  it.each<[string, Gate, Attempt, string]>([
    [
      'before the plan',
      { state: 'no plan yet' },
      approval({ approver: 'ada', planDigest: DIGEST }),
      'approve: there is no plan to decide on yet',
    ],
    [
      'when it is closed',
      { state: 'closed', why: 'the run has ended: expired' },
      approval({ approver: 'ada', planDigest: DIGEST }),
      'approve: the run has ended: expired',
    ],
    ['without an approver', OPEN, approval({ planDigest: DIGEST }), 'approve: no approver is named'],
    ['with a blank approver', OPEN, approval({ approver: ' \t', planDigest: DIGEST }), 'approve: no approver is named'],
    ['without a digest', OPEN, approval({ approver: 'ada' }), 'approve: no planDigest is given'],
    ['with an empty digest', OPEN, approval({ approver: 'ada', planDigest: '' }), 'approve: no planDigest is given'],
    [
      'with another digest',
      OPEN,
      approval({ approver: 'ada', planDigest: 'b'.repeat(64) }),
      'approve: the planDigest is not that of the plan at the gate',
    ],
    [
      'with the beginning of the digest',
      OPEN,
      approval({ approver: 'ada', planDigest: DIGEST.slice(0, 12) }),
      'approve: the planDigest is not that of the plan at the gate',
    ],
    [
      'with the digest in capitals',
      OPEN,
      approval({ approver: 'ada', planDigest: DIGEST.toUpperCase() }),
      'approve: the planDigest is not that of the plan at the gate',
    ],
    [
      'of a rejection without a reason',
      OPEN,
      attemptOf('signal', 'reject', { approver: 'ada' }),
      'reject: no reason is given',
    ],
    [
      'of a rejection of another plan',
      OPEN,
      attemptOf('signal', 'reject', { approver: 'ada', reason: 'no', planDigest: 'b' }),
      'reject: the planDigest is not that of the plan at the gate',
    ],
    [
      'of a rejection by update without a digest',
      OPEN,
      attemptOf('update', 'reject', { approver: 'ada', reason: 'no' }),
      'reject: no planDigest is given',
    ],
  ])('refuses a decision %s', (_, gate, attempt, refusal) => {
    expect(refusalOf(gate, attempt)).toBe(refusal);
  });

  it('keeps the first decision, whatever comes later', () => {
    const first = judge(OPEN, approval({ approver: 'ada', planDigest: DIGEST }), BEFORE);
    const decided: Gate = { state: 'decided', decision: (first as { readonly decision: Decision }).decision };
    const already = 'already decided: approve by ada at 2026-03-01T11:59:59.000Z';
    expect(refusalOf(decided, approval({ approver: 'ada', planDigest: DIGEST }))).toBe(`approve: ${already}`);
    expect(
      refusalOf(decided, attemptOf('update', 'reject', { approver: 'bo', planDigest: DIGEST, reason: 'no' })),
    ).toBe(`reject: ${already}`);
  });

  it.each([
    ['a millisecond before the deadline', -1, null],
    ['at the deadline', 0, 'approve: the deadline passed at 2026-03-01T12:00:00.000Z'],
    ['a millisecond after it', 1, 'approve: the deadline passed at 2026-03-01T12:00:00.000Z'],
  ])('judges by its clock: %s', (_, offset, refusal) => {
    expect(refusalOf(OPEN, approval({ approver: 'ada', planDigest: DIGEST }), DEADLINE + offset)).toBe(refusal);
  });

  it('forgives the blanks that copying a digest or a name brings along', () => {
    const verdict = judge(OPEN, approval({ approver: ' ada ', planDigest: `\t${DIGEST} \r\n` }), BEFORE);
    expect(verdict).toMatchObject({ accepted: true, decision: { approver: 'ada', planDigest: DIGEST } });
    const inside = `${DIGEST.slice(0, 8)} ${DIGEST.slice(8)}`;
    expect(refusalOf(OPEN, approval({ approver: 'ada', planDigest: inside }))).toMatch(/not that of the plan/);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'approve'],
    ['the digest itself', DIGEST],
    ['a number', 1],
    ['a list', [{ approver: 'ada', planDigest: DIGEST }]],
    ['an approver that is a number', { approver: 7, planDigest: DIGEST }],
    ['an approver that is a list', { approver: ['ada'], planDigest: DIGEST }],
    ['a digest that is null', { approver: 'ada', planDigest: null }],
    ['a digest in a list', { approver: 'ada', planDigest: [DIGEST] }],
    ['a digest in an object', { approver: 'ada', planDigest: { toString: DIGEST } }],
    ['fields by other names', { Approver: 'ada', plandigest: DIGEST }],
  ])('refuses %s for a payload', (_, message) => {
    expect(refusalOf(OPEN, approval(message))).not.toBeNull();
    expect(refusalOf(OPEN, attemptOf('update', 'reject', message))).not.toBeNull();
  });

  it('never throws, and opens for nothing but its digest and an approver in time', () => {
    const message = fc.oneof(
      fc.jsonValue(),
      fc.record({ approver: fc.jsonValue(), planDigest: fc.oneof(fc.constant(DIGEST), fc.jsonValue()) }),
      fc.record({ approver: fc.string(), planDigest: fc.constantFrom(DIGEST, ` ${DIGEST}`, 'other') }),
    );
    fc.assert(
      fc.property(message, fc.integer({ min: -2, max: 2 }), (payload, offset) => {
        const attempt = approval(payload);
        const verdict = judge(OPEN, attempt, DEADLINE + offset);
        expect(verdict.accepted).toBe(offset < 0 && attempt.planDigest === DIGEST && attempt.approver !== null);
      }),
    );
  });
});
