import { ERRORS, isErrorCode, TrueupError, type ErrorCode } from '../../contracts/errors';
import { EXIT, exitCodeOf } from '../../contracts/exit-code';
import type { RunStatus } from '../../contracts/run';

describe('exit codes', () => {
  it.each<[RunStatus, number, number]>([
    ['running', 0, EXIT.ok],
    ['consistent', 0, EXIT.ok],
    ['consistent', 1, EXIT.inconsistent],
    ['applied', 0, EXIT.ok],
    ['applied', 1, EXIT.inconsistent],
    ['inconsistent', 1, EXIT.inconsistent],
    ['rejected', 1, EXIT.inconsistent],
    ['expired', 1, EXIT.inconsistent],
    ['awaiting_approval', 1, EXIT.awaitingApproval],
    ['incomplete', 0, EXIT.failed],
    ['failed', 0, EXIT.failed],
    ['cancelled', 0, EXIT.failed],
  ])('a run that is %s with %d left ends in %d', (status, remaining, code) => {
    expect(exitCodeOf(status, remaining)).toBe(code);
  });

  it('are the ones that scripts know', () => {
    expect(EXIT).toEqual({ ok: 0, inconsistent: 1, usage: 2, awaitingApproval: 3, failed: 4 });
  });
});

describe('the error catalogue', () => {
  const codes = Object.keys(ERRORS) as ErrorCode[];

  it('says for each failure what can be done, and ends in 2 or 4', () => {
    for (const code of codes) {
      const error = new TrueupError(code, 'found');
      expect(error.help).toMatch(/\.$/);
      expect([EXIT.usage, EXIT.failed]).toContain(error.exitCode);
      // Whatever the user has to change first fails the same way every time.
      if (error.exitCode === EXIT.usage) expect(error.retryable).toBe(false);
    }
  });

  it('knows its own codes only', () => {
    expect(codes.every(isErrorCode)).toBe(true);
    for (const other of ['toString', '', 'NOPE', null, 4]) expect(isErrorCode(other)).toBe(false);
  });
});
