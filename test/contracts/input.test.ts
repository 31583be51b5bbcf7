import fc from 'fast-check';
import {
  checkApprovalTerms,
  checkLateDecisionInput,
  checkReconcileInput,
  checkTuneMessage,
  checkUndoInput,
  textField,
} from '../../contracts/input';

describe('the terms of an approval', () => {
  it('are those that were given, each name once', () => {
    const who = { approver: 'ada', planDigest: 'a', note: 'n', reason: 'r', decision: 'approve' };
    expect(checkApprovalTerms(who)).toEqual({ ok: true, value: {} });
    expect(checkApprovalTerms({ ...who, tables: null, operations: null, override: null })).toEqual({
      ok: true,
      value: {},
    });
    const terms = { tables: ['a', 'b', 'a'], operations: ['delete', 'delete'], override: false };
    expect(checkApprovalTerms({ ...who, ...terms })).toEqual({
      ok: true,
      value: { tables: ['a', 'b'], operations: ['delete'], override: false },
    });
  });

  const fields = 'decision, approver, planDigest, reason, note, tables, operations, override';
  it.each<[unknown, string]>([
    [{ tables: 'orders' }, 'tables: found a string, allowed: a list of table names'],
    [{ tables: [1] }, 'tables: found a list, allowed: a list of table names'],
    [{ operations: ['truncate'] }, 'operations: found a list, allowed: a list of insert, update, delete'],
    [{ operations: 'delete' }, 'operations: found a string, allowed: a list of insert, update, delete'],
    [{ override: 'true' }, 'override: found a string, allowed: true or false'],
    [{ override: 1 }, 'override: found a number, allowed: true or false'],
    [{ table: ['orders'] }, `unknown field "table"; allowed: ${fields}`],
    [{ ['x'.repeat(9_000)]: 1 }, `unknown field "${'x'.repeat(60)}"; allowed: ${fields}`],
  ])('%j are refused: whoever means a part must not approve the whole', (terms, problem) => {
    expect(checkApprovalTerms({ approver: 'ada', ...(terms as object) })).toEqual({ ok: false, problem });
  });
});

describe('the input of reconcile', () => {
  it('may be nothing at all, and is then a dry run of all tables', () => {
    for (const nothing of [undefined, null, {}, { tables: null, apply: null }]) {
      expect(checkReconcileInput(nothing)).toEqual({ ok: true, value: {} });
    }
  });

  it('is handed on as it was given', () => {
    const input = { tables: ['orders'], mode: 'full', apply: true, requestedBy: 'ada', approvalTimeout: '24h' };
    expect(checkReconcileInput(input)).toEqual({ ok: true, value: input });
  });

  it('may name a run to resume, which has its tables', () => {
    expect(checkReconcileInput({ resume: 'trueup-1' })).toEqual({ ok: true, value: { resume: 'trueup-1' } });
  });

  it.each<[unknown, string]>([
    [{ resume: 1 }, 'resume: found a number, allowed: the ID of a run'],
    [
      { resume: 'trueup-1', tables: ['orders'] },
      'tables: not together with resume, which takes the tables of the earlier run',
    ],
    [{ apply: 'yes' }, 'apply: found a string, allowed: true or false'],
    [
      { tabels: [] },
      'unknown field "tabels"; allowed: tables, mode, checks, sample, critical, unapproved, apply, requestedBy, approvalTimeout, job, resume',
    ],
    [[1], 'found a list, allowed: one JSON object'],
    ['x', 'found a string, allowed: one JSON object'],
    [7, 'found a number, allowed: one JSON object'],
    [{ tables: 'orders' }, 'tables: found a string, allowed: a list of table names'],
    [{ tables: [1] }, 'tables: found a list, allowed: a list of table names'],
    [{ mode: 'half' }, 'mode: found a string, allowed: one of full, count, aggregate, incremental, sample, rules'],
    [
      { approvalTimeout: 24 },
      'approvalTimeout: found a number, allowed: a number with a unit: 500ms, 2s, 30m, 24h or 7d',
    ],
    [
      { approvalTimeout: 'soon' },
      'approvalTimeout: found a string, allowed: a number with a unit: 500ms, 2s, 30m, 24h or 7d',
    ],
    [
      JSON.parse('{"__proto__": {"apply": true}}'),
      'unknown field "__proto__"; allowed: tables, mode, checks, sample, critical, unapproved, apply, requestedBy, approvalTimeout, job, resume',
    ],
    [
      { constructor: 1 },
      'unknown field "constructor"; allowed: tables, mode, checks, sample, critical, unapproved, apply, requestedBy, approvalTimeout, job, resume',
    ],
  ])('%j is refused with what was found and what is allowed', (input, problem) => {
    expect(checkReconcileInput(input)).toEqual({ ok: false, problem });
  });

  it('may say how a sample is drawn', () => {
    const sample = { rows: 1_000, confidence: 0.99, margin: 0.01, seed: 0 };
    const input = { mode: 'sample', sample };
    expect(checkReconcileInput(input)).toEqual({ ok: true, value: input });
    const empty = { mode: 'sample', sample: { rows: null, seed: 1 } };
    expect(checkReconcileInput(empty)).toEqual({ ok: true, value: { mode: 'sample', sample: { seed: 1 } } });
  });

  it.each([
    [{ sample: { seed: 1 } }, /^sample: allowed with mode sample only$/],
    [{ sample: { seed: 1 }, resume: 'r' }, /^sample: not together with resume/],
  ])('%j holds a sample that nothing is to draw', (input, problem) => {
    const checked = checkReconcileInput(input);
    expect(checked.ok ? '' : checked.problem).toMatch(problem);
  });

  it.each([
    ...[7, [], { rows: 0 }, { rows: 1_000_001 }, { rows: '5' }, { confidence: 1 }],
    ...[{ margin: 0 }, { seed: -1 }, { seed: 2 ** 53 }, { size: 5 }],
  ])('%j is no sample', (sample) => {
    const checked = checkReconcileInput({ mode: 'sample', sample });
    expect(checked.ok ? '' : checked.problem).toMatch(
      /^sample: found .*, allowed: an object with rows \(1 to 1000000\), confidence and margin/,
    );
  });
});

describe('the payload of tune', () => {
  it('changes one thing or several', () => {
    for (const message of [
      { pause: false },
      { concurrency: 64 },
      { concurrency: 1, maxChunksPerConnection: 2, pause: true },
    ]) {
      expect(checkTuneMessage(message)).toEqual({ ok: true, value: message });
    }
    expect(checkTuneMessage({ concurrency: 2, pause: null })).toEqual({ ok: true, value: { concurrency: 2 } });
  });

  it.each<[unknown, string]>([
    [undefined, 'found nothing, allowed: one JSON object with concurrency, maxChunksPerConnection, pause'],
    [{}, 'found nothing to change, allowed: one JSON object with concurrency, maxChunksPerConnection, pause'],
    [{ concurrency: 0 }, 'concurrency: found a number, allowed: a whole number from 1 to 64'],
    [{ concurrency: 1.5 }, 'concurrency: found a number, allowed: a whole number from 1 to 64'],
    [{ concurrency: '2' }, 'concurrency: found a string, allowed: a whole number from 1 to 64'],
    [{ maxChunksPerConnection: 65 }, 'maxChunksPerConnection: found a number, allowed: a whole number from 1 to 64'],
    [{ pause: 1 }, 'pause: found a number, allowed: true or false'],
    [{ paused: true }, 'unknown field "paused"; allowed: concurrency, maxChunksPerConnection, pause'],
  ])('%j is refused with what was found and what is allowed', (input, problem) => {
    expect(checkTuneMessage(input)).toEqual({ ok: false, problem });
  });
});

describe('the input of undo', () => {
  it('names a run', () => {
    const input = { runId: 'trueup-1', requestedBy: 'ada' };
    expect(checkUndoInput(input)).toEqual({ ok: true, value: input });
  });

  it('may name tables and corrections, which a form sends as numbers, each of them once', () => {
    const input = { runId: 'trueup-1', tables: ['orders'], force: true, approvalTimeout: '1h', requestedBy: null };
    expect(checkUndoInput({ ...input, corrections: [3, '12', 3] })).toEqual({
      ok: true,
      value: { runId: 'trueup-1', tables: ['orders'], force: true, approvalTimeout: '1h', corrections: ['3', '12'] },
    });
  });

  it.each<[unknown, string]>([
    [undefined, 'found nothing, allowed: {"runId": "…"}'],
    [{}, 'runId is missing: the ID of the run to undo'],
    [{ runId: null }, 'runId is missing: the ID of the run to undo'],
    [{ runId: '' }, 'runId: found a string, allowed: the ID of a run'],
    [{ runId: 1 }, 'runId: found a number, allowed: the ID of a run'],
    [
      { run: 'trueup-1' },
      'unknown field "run"; allowed: runId, requestedBy, tables, corrections, force, approvalTimeout',
    ],
    [{ runId: 'x', tables: [] }, 'tables: found a list, allowed: a list of table names; leave it out for all tables'],
    [
      { runId: 'x', corrections: [0] },
      'corrections: found a list, allowed: a list of 1 to 1000 numbers of corrections; leave it out for all corrections',
    ],
    [
      { runId: 'x', corrections: [] },
      'corrections: found a list, allowed: a list of 1 to 1000 numbers of corrections; leave it out for all corrections',
    ],
    [{ runId: 'x', force: 'yes' }, 'force: found a string, allowed: true or false'],
    [['trueup-1'], 'found a list, allowed: {"runId": "…"}'],
  ])('%j is refused with what was found and what is allowed', (input, problem) => {
    expect(checkUndoInput(input)).toEqual({ ok: false, problem });
  });
});

describe('the input of lateDecision', () => {
  it('names a run, and as much of the decision as there was', () => {
    const input = { runId: 'trueup-1', decision: 'approve', approver: 'ada', planDigest: 'a', reason: 'late' };
    expect(checkLateDecisionInput(input)).toEqual({ ok: true, value: input });
    expect(checkLateDecisionInput({ runId: 'trueup-1', reason: null })).toEqual({
      ok: true,
      value: { runId: 'trueup-1' },
    });
  });

  it.each<[unknown, string]>([
    [{}, 'runId is missing: the ID of the run that was decided on'],
    [{ runId: 'trueup-1', decision: 'maybe' }, 'decision: found a string, allowed: approve or reject'],
    [{ runId: 'trueup-1', reason: {} }, 'reason: found an object, allowed: a text'],
  ])('%j is refused with what was found and what is allowed', (input, problem) => {
    expect(checkLateDecisionInput(input)).toEqual({ ok: false, problem });
  });
});

describe('an input from anywhere', () => {
  const fields = ['tables', 'mode', 'apply', 'requestedBy', 'approvalTimeout', 'runId', 'toString'];
  const anything = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(fc.oneof(fc.constantFrom(...fields), fc.string()), fc.jsonValue()),
  );

  it('is good or has a problem, and never throws', () => {
    fc.assert(
      fc.property(anything, (input) => {
        for (const check of [checkReconcileInput, checkUndoInput, checkLateDecisionInput]) {
          const checked = check(input);
          if (checked.ok) expect(Object.values(checked.value)).not.toContain(null);
          else expect(checked.problem).not.toBe('');
        }
      }),
      { numRuns: 500 },
    );
  });

  it('gives a field as text or null', () => {
    fc.assert(
      fc.property(anything, fc.constantFrom(...fields), (input, name) => {
        const found = textField(input, name);
        if (found !== null) expect(found).toBe(found.trim());
        expect(found).not.toBe('');
      }),
    );
    expect(textField({ approver: ' ada\n' }, 'approver')).toBe('ada');
    expect(textField({}, 'toString')).toBeNull();
  });
});
