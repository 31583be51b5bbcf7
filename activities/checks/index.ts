import type { CheckKind } from '../../contracts/check';
import { aggregates } from './aggregates';
import type { CheckRules } from './check';
import { counts } from './counts';
import { rules } from './rules';

/** Every kind of check. */
export const CHECKS: Readonly<Partial<Record<CheckKind, CheckRules>>> = { aggregates, counts, rules };
