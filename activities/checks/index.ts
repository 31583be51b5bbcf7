import type { CheckKind } from '../../contracts/check';
import { aggregates } from './aggregates';
import { anomalies } from './anomalies';
import type { CheckRules } from './check';
import { counts } from './counts';
import { drift } from './drift';
import { references } from './references';
import { rules } from './rules';
import { times } from './times';

/** Every kind of check. */
export const CHECKS: Readonly<Record<CheckKind, CheckRules>> = {
  aggregates,
  anomalies,
  counts,
  drift,
  references,
  rules,
  times,
};
