import { INCONSISTENCY_TYPES, type InconsistencyType } from '../../contracts/finding';
import type { FindingCounts } from '../../contracts/run';
import { count } from './text';

const SHORT: Partial<Record<InconsistencyType, string>> = {
  missing_in_target: 'missing',
  extra_in_target: 'extra',
  field_mismatch: 'mismatched',
};

/** `3 missing, 1 mismatched`; empty when there are none. */
export function findingsText(findings: FindingCounts): string {
  return INCONSISTENCY_TYPES.map((type) => [type, findings[type] ?? 0] as const)
    .filter(([, n]) => n > 0)
    .map(([type, n]) => `${count(n)} ${SHORT[type] ?? type}`)
    .join(', ');
}

export function totalFindings(findings: FindingCounts): number {
  return Object.values(findings).reduce((sum, n) => sum + n, 0);
}
