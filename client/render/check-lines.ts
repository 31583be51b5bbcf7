import type { ReportedCheck } from '../../contracts/check';
import type { Finding } from '../../contracts/finding';
import type { Colors } from './colors';
import { drawTable } from './table';
import { count, keyText, printable, value } from './text';

/**
 * What was checked beside the rows: a table, a line a check, and of each business rule the first differences; nothing where
 * there was nothing to check.
 */
export function checkLines(checks: readonly ReportedCheck[], colors: Colors): readonly string[] {
  if (checks.length === 0) return [];
  const word = {
    passed: colors.green('passed'),
    failed: colors.red('failed'),
    incomplete: colors.red('incomplete'),
    pending: 'pending',
  };
  const verdict = { ...word, passed: colors.green('PASS'), failed: colors.red('FAIL') };
  const rows = checks.map(({ kind, subject, status, findings, unsettled, detail, error }) => [
    kind,
    subject,
    (kind === 'rules' ? verdict : word)[status],
    count(findings),
    [
      ...(error === null ? [detail ?? ''] : [`${error.code}: ${error.message}`]),
      ...(unsettled === 0 ? [] : [`${count(unsettled)} did not come to rest`]),
    ].join('; '),
  ]);
  const columns = [
    { head: 'check' },
    { head: 'of' },
    { head: 'result' },
    { head: 'findings', align: 'right' as const },
    { head: 'detail' },
  ];
  return ['', drawTable(columns, rows), ...checks.flatMap(firstLines)];
}

/** The first differences of a business rule, and of how many. */
function firstLines({ subject, findings, first = [] }: ReportedCheck): readonly string[] {
  if (first.length === 0) return [];
  const which = first.length < findings ? `the first ${first.length} of ${count(findings)}` : count(findings);
  return [
    '',
    `Rule ${printable(subject)}, ${which} ${findings === 1 ? 'difference' : 'differences'}:`,
    ...first.map(differenceLine),
  ];
}

function differenceLine({ key, columns, detail }: Finding): string {
  const values = columns.map(
    (column) => `${printable(column.name)}: source ${value(column.source, 40)}, target ${value(column.target, 40)}`,
  );
  return `  ${[keyText(key), ...values, printable(detail ?? '')].join('  ')}`;
}
