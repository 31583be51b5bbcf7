import fc from 'fast-check';
import type { Decision } from '../../contracts/messages';
import type { PlanSummary } from '../../contracts/run';
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

const PLAN: Pick<PlanSummary, 'lines' | 'blocked'> = {
  lines: [
    { table: 'customers', operation: 'insert', rows: 4, needsApproval: false },
    { table: 'orders', operation: 'insert', rows: 3, needsApproval: true },
    { table: 'items', operation: 'update', rows: 700, needsApproval: true },
    { table: 'orders', operation: 'update', rows: 600, needsApproval: true },
    { table: 'orders', operation: 'delete', rows: 500, needsApproval: true },
  ],
};
const BLOCKED = [{ table: 'orders', changes: 1_100, rows: 9_000, limit: 1_000 }];
const PART: Gate = { ...OPEN, plan: PLAN };
const GUARDED: Gate = { ...OPEN, plan: { ...PLAN, blocked: BLOCKED } };
const terms = (given: object) => approval({ approver: 'ada', planDigest: DIGEST, ...given });

describe('an approval of a part', () => {
  it.each([
    { tables: ['orders'] },
    { operations: ['update'] },
    { tables: ['items', 'orders'], operations: ['delete', 'insert'] },
    { tables: ['customers', 'items'] },
  ])('%j is taken, and says of which', (given) => {
    expect(judge(PART, terms(given), BEFORE)).toMatchObject({ accepted: true, decision: given });
  });

  it('of the whole says nothing of parts', () => {
    const verdict = judge(PART, terms({ tables: null }), BEFORE);
    expect(verdict.accepted && Object.keys(verdict.decision)).toEqual([
      'decision',
      'approver',
      'planDigest',
      'reason',
      'decidedAt',
    ]);
  });

  it.each<[object, string]>([
    [{ tables: ['ordres'] }, 'tables: the plan has no ordres; it has customers, orders, items'],
    [{ tables: ['orders', 'Orders'] }, 'tables: the plan has no Orders; it has customers, orders, items'],
    [{ operations: ['truncate'] }, 'operations: found a list, allowed: a list of insert, update, delete'],
    [{ tables: [] }, 'nothing in this part of the plan needs approval: tables none'],
    [{ operations: [] }, 'nothing in this part of the plan needs approval: operations none'],
    [{ tables: ['customers'] }, 'nothing in this part of the plan needs approval: tables customers'],
    [
      { tables: ['items'], operations: ['delete'] },
      'nothing in this part of the plan needs approval: tables items; operations delete',
    ],
    [
      { table: ['orders'] },
      'unknown field "table"; allowed: decision, approver, planDigest, reason, note, tables, operations, override',
    ],
  ])('%j is refused', (given, refusal) => {
    expect(refusalOf(PART, terms(given))).toBe(`approve: ${refusal}`);
  });

  it('names only some of many tables in a refusal', () => {
    const tables = Array.from({ length: 5_000 }, (_, i) => `${'x'.repeat(1_000)}${i}`);
    const refusal = refusalOf(PART, terms({ tables })) ?? '';
    expect(refusal).toContain('and 4990 more; it has customers');
    expect(refusal.length).toBeLessThan(1_200);
  });

  it('is not taken where the plan is decided on as a whole', () => {
    expect(refusalOf(OPEN, terms({ tables: ['orders'] }))).toBe(
      'approve: tables and operations: this plan is approved as a whole',
    );
  });

  it('cannot be had by rejecting a part', () => {
    const reject = attemptOf('signal', 'reject', { approver: 'ada', reason: 'no', tables: ['orders'] });
    expect(refusalOf(PART, reject)).toBe('reject: a plan is rejected as a whole; approve the part that is to be done');
  });
});

describe('a plan over its guard', () => {
  const figures = 'orders: 1100 of 9000 rows would be deleted or overwritten, the limit is 1000';

  it('is approved only with an override, which is recorded', () => {
    expect(refusalOf(GUARDED, terms({}))).toBe(`approve: the plan is blocked and override is not given: ${figures}`);
    expect(refusalOf(GUARDED, terms({ override: false }))).toContain(figures);
    expect(refusalOf(GUARDED, terms({ override: 'true' }))).toBe(
      'approve: override: found a string, allowed: true or false',
    );
    expect(judge(GUARDED, terms({ override: true }), BEFORE)).toMatchObject({
      accepted: true,
      decision: { override: true },
    });
  });

  it('needs no override for a part that keeps to the guard', () => {
    expect(refusalOf(GUARDED, terms({ tables: ['items'] }))).toBeNull();
    expect(refusalOf(GUARDED, terms({ operations: ['delete', 'insert'] }))).toBeNull();
    expect(refusalOf(GUARDED, terms({ tables: ['orders'] }))).toContain(figures);
    expect(refusalOf(GUARDED, terms({ operations: ['update', 'delete'] }))).toContain(figures);
  });

  it('counts what is done without asking towards the guard of a part', () => {
    const lines = PLAN.lines.map((line) => ({ ...line, needsApproval: line.operation !== 'update' }));
    const gate: Gate = { ...OPEN, plan: { lines, blocked: [{ ...BLOCKED[0], limit: 550 } as (typeof BLOCKED)[0]] } };
    expect(refusalOf(gate, terms({ operations: ['insert'] }))).toContain('orders: 600 of 9000 rows');
  });

  it('is rejected like any other', () => {
    const reject = attemptOf('signal', 'reject', { approver: 'ada', reason: 'too much' });
    expect(refusalOf(GUARDED, reject)).toBeNull();
  });

  it('names only some of many tables', () => {
    const lines = Array.from({ length: 300 }, (_, i) => ({
      table: `${'t'.repeat(500)}${i}`,
      operation: 'delete' as const,
      rows: 9,
      needsApproval: true,
    }));
    const blocked = lines.map(({ table }) => ({ table, changes: 9, rows: null, limit: 1 }));
    const refusal = refusalOf({ ...OPEN, plan: { lines, blocked } }, terms({})) ?? '';
    expect(refusal).toMatch(/: 9 rows would be deleted or overwritten, the limit is 1; and 290 more tables$/);
    expect(refusal.length).toBeLessThan(2_000);
  });
});

describe('four eyes', () => {
  const gate: Gate = { ...OPEN, barred: 'Ada Lovelace' };

  it.each(['Ada Lovelace', ' ada lovelace\t', 'ADA LOVELACE', 'Ａda Lovelace'])('%j cannot approve', (approver) => {
    expect(refusalOf(gate, approval({ approver, planDigest: DIGEST }))).toBe(
      'approve: fourEyes: Ada Lovelace requested this run and cannot approve it',
    );
  });

  it('who requested may reject, and anybody else approve', () => {
    expect(refusalOf(gate, attemptOf('signal', 'reject', { approver: 'ada lovelace', reason: 'no' }))).toBeNull();
    expect(refusalOf(gate, approval({ approver: 'ada', planDigest: DIGEST }))).toBeNull();
    expect(refusalOf({ ...OPEN, barred: null }, approval({ approver: 'Ada Lovelace', planDigest: DIGEST }))).toBeNull();
  });

  it('are looked at before the override', () => {
    const both: Gate = { ...GUARDED, barred: 'ada' };
    expect(refusalOf(both, terms({ override: true }))).toBe(
      'approve: fourEyes: ada requested this run and cannot approve it',
    );
  });
});

describe('the gate', () => {
  it('never lets more rows of a table through without an override than its guard allows', () => {
    const names = ['a', 'b', 'c'];
    const line = fc.record({
      table: fc.constantFrom(...names),
      operation: fc.constantFrom('insert' as const, 'update' as const, 'delete' as const),
      rows: fc.integer({ min: 1, max: 20 }),
      needsApproval: fc.boolean(),
    });
    const given = fc.record(
      {
        tables: fc.subarray(names),
        operations: fc.subarray(['insert', 'update', 'delete']),
        override: fc.boolean(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 9 }), given, (lines, part) => {
        const changesOf = (table: string, within: typeof lines) =>
          within
            .filter((one) => one.table === table && one.operation !== 'insert')
            .reduce((sum, one) => sum + one.rows, 0);
        const blocked = names
          .map((table) => ({ table, changes: changesOf(table, lines), rows: 100, limit: 10 }))
          .filter(({ changes }) => changes > 10);
        const verdict = judge({ ...OPEN, plan: { lines, blocked } }, terms(part), BEFORE);
        if (!verdict.accepted || verdict.decision.override === true) return;
        const done = lines.filter(
          (one) =>
            !one.needsApproval ||
            ((part.tables?.includes(one.table) ?? true) && (part.operations?.includes(one.operation) ?? true)),
        );
        for (const table of names) expect(changesOf(table, done)).toBeLessThanOrEqual(10);
      }),
    );
  });
});
