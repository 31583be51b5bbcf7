import type { Correction } from '../../contracts/correction';
import { keyText, printable } from './text';

/** One correction on one line, in columns that line up without knowing the other lines. */
export function correctionLine({
  seq,
  table,
  operation,
  status,
  key,
  error,
  approver,
  forced,
  differs,
}: Correction): string {
  const fields = [
    seq.padStart(6),
    table.padEnd(20),
    operation.padEnd(6),
    status.padEnd(13),
    keyText(key),
    approver === null ? '' : `approved by ${printable(approver)}`,
    forced ? 'forced' : '',
    error === null ? '' : printable(error),
    differs === undefined ? '' : printable(differs),
  ];
  return fields
    .filter((field) => field !== '')
    .join('  ')
    .trimEnd();
}

export function correctionJson(correction: Correction): string {
  const { seq, table, operation, status, key, before, after, error, approver, forced, differs, at } = correction;
  return JSON.stringify({ seq, table, operation, status, key, before, after, error, approver, forced, differs, at });
}
