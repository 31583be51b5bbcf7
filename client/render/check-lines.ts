import type { CheckSummary } from '../../contracts/check';
import type { Colors } from './colors';
import { drawTable } from './table';
import { count } from './text';

/** What was checked beside the rows: a table, a line a check; nothing where there was nothing to check. */
export function checkLines(checks: readonly CheckSummary[], colors: Colors): readonly string[] {
  if (checks.length === 0) return [];
  const word = {
    passed: colors.green('passed'),
    failed: colors.red('failed'),
    incomplete: colors.red('incomplete'),
    pending: 'pending',
  };
  const rows = checks.map(({ kind, subject, status, findings, unsettled, detail, error }) => [
    kind,
    subject,
    word[status],
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
  return ['', drawTable(columns, rows)];
}
