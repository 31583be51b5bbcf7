import { TrueupError } from '../../contracts/errors';
import { EXIT, type ExitCode } from '../../contracts/exit-code';
import type { Colors } from '../render/colors';
import { messageOf } from '../temporal/failure';

/** One line of `trueup doctor`. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** What was found. */
  readonly detail: string;
  /** What to do about it; null when all is well. */
  readonly help: string | null;
  readonly exitCode: ExitCode;
}

export function passed(name: string, detail: string): Check {
  return { name, ok: true, detail, help: null, exitCode: EXIT.ok };
}

export function failed(name: string, detail: string, help: string, exitCode: ExitCode = EXIT.failed): Check {
  return { name, ok: false, detail, help, exitCode };
}

/** A failure of the catalogue as a failed check. */
export function failedBy(name: string, error: unknown): Check {
  if (error instanceof TrueupError) {
    return failed(name, `${error.code}: ${error.message}`, error.help, error.exitCode);
  }
  return failed(name, messageOf(error), 'This is a fault of Trueup: please report it.');
}

/** Usage and configuration come first: what fails behind them often fails because of them. */
export function exitCodeOfChecks(checks: readonly Check[]): ExitCode {
  const codes = checks.map((check) => check.exitCode);
  return codes.includes(EXIT.usage) ? EXIT.usage : codes.includes(EXIT.failed) ? EXIT.failed : EXIT.ok;
}

export function checkLines(check: Check, colors: Colors): readonly string[] {
  const mark = check.ok ? colors.green('ok  ') : colors.red('FAIL');
  const line = `${mark} ${check.name}: ${check.detail}`;
  return check.help === null ? [line] : [line, `     → ${check.help}`];
}
