import type { CheckKind } from '../../contracts/check';
import type { CheckRules } from './check';
import { aggregates } from './aggregates';
import { counts } from './counts';
import { references } from './references';
import { rules } from './rules';
import { times } from './times';

/** Every kind of check. */
export const CHECKS: Readonly<Partial<Record<CheckKind, CheckRules>>> = {
  aggregates,
  counts,
  references,
  rules,
  times,
};
