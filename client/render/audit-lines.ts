import { AUDIT_PROBLEMS, type AuditProblem, type AuditSummary } from '../../contracts/audit';
import type { Colors } from './colors';
import { count, instant, plural, printable } from './text';

/** One thing that an audit found wrong, for people. */
export function problemLines(problem: AuditProblem, colors: Colors): readonly string[] {
  const { type, what, found, expected } = problem;
  return [
    `${colors.red(type)}: ${printable(what)}: ${AUDIT_PROBLEMS[type]}`,
    `  found:    ${printable(found)}`,
    `  expected: ${printable(expected)}`,
  ];
}

function chainLine({ chain }: AuditSummary): string {
  if (chain === null) return 'Chain: none.';
  const entries = plural(chain.entries, 'entry', 'entries');
  const { sealed } = chain;
  const state = sealed === null ? 'not sealed yet' : `sealed at ${count(sealed.entries)}, ${instant(sealed.at)}`;
  return `Chain: ${entries}, ${state}, head ${chain.head}`;
}

function checkedLine({ checked }: AuditSummary): string {
  const { corrections, decisions, planned, images } = checked;
  const parts = [plural(corrections, 'correction'), plural(decisions, 'decision')];
  if (planned !== null) parts.push(`${count(planned)} planned`);
  if (images !== null) parts.push(plural(images, 'before-image'));
  return `Checked: ${parts.join(', ')}.`;
}

/** What an audit looked at, what it could not, and its verdict. */
export function auditLines(summary: AuditSummary, colors: Colors): readonly string[] {
  const { notes, unchecked, problems } = summary;
  const sound = unchecked.length === 0 ? colors.green('Sound.') : 'No problem in what was checked.';
  return [
    chainLine(summary),
    checkedLine(summary),
    ...notes.map((note) => `Note: ${printable(note)}.`),
    ...unchecked.map((what) => colors.yellow(`Could not be checked: ${printable(what)}`)),
    problems === 0 ? sound : colors.red(`${plural(problems, 'problem')}.`),
  ];
}
