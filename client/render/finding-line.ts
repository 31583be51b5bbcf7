import type { Finding } from '../../contracts/finding';
import { keyText, printable, value } from './text';

/** One finding on one line, in columns that line up without knowing the other lines. */
export function findingLine(finding: Finding): string {
  const what = finding.columns
    .map(
      (column) => `${printable(column.name)}: source ${value(column.source, 40)}, target ${value(column.target, 40)}`,
    )
    .join('; ');
  const fields = [
    finding.table.padEnd(20),
    finding.type.padEnd(18),
    finding.severity.padEnd(8),
    finding.resolution.padEnd(18),
    keyText(finding.key),
    what,
    finding.detail === null ? '' : printable(finding.detail),
  ];
  return fields
    .filter((field) => field !== '')
    .join('  ')
    .trimEnd();
}

/** The fields of product.md's JSON line, and in its order. */
export function findingJson(finding: Finding): string {
  const { table, type, severity, resolution, key, columns, detail } = finding;
  return JSON.stringify({ table, type, severity, resolution, key, columns, detail });
}
