import type { InconsistencyType } from '../../contracts/finding';
import type { FindingCounts } from '../../contracts/run';
import { count } from './text';

const SHORT: Partial<Record<InconsistencyType, string>> = {
  missing_in_target: 'missing',
  extra_in_target: 'extra',
  field_mismatch: 'mismatched',
};

/** `3 missing, 1 mismatched`; empty when there are none. */
export function findingsText(findings: FindingCounts): string {
  return Object.entries(findings)
    .filter(([, n]) => n > 0)
    .map(([type, n]) => `${count(n)} ${SHORT[type as InconsistencyType] ?? type}`)
    .join(', ');
}

export function totalFindings(findings: FindingCounts): number {
  return Object.values(findings).reduce((sum, n) => sum + n, 0);
}
