import type { CheckFinding, CheckOutcome } from '../../contracts/check';
import type { RunConfig, TablePair } from '../../contracts/table-pair';
import type { Database } from '../../database/connection';
import type { Resources } from '../resources';
import type { StepContext } from '../step';

/** What a check works with. */
export interface CheckRun {
  readonly resources: Resources;
  readonly ledger: Database;
  readonly runId: string;
  readonly config: RunConfig;
  readonly context: StepContext;
}

/** The table pairs of the config that the run began with: a table of the run may refer to one that it is not about. */
export function pairsOf({ tables, others = [] }: RunConfig): readonly TablePair[] {
  return [...tables, ...others];
}

/**
 * Looks for what a check of its kind looks for in the table pair, or under the rule, that `subject` names. It yields what
 * it sees in pages of some hundreds, so that memory does not grow with it, each thing once, and returns when it has looked
 * at everything. What it throws as a TrueupError ends this check and no other.
 */
export type Check = (
  run: CheckRun,
  subject: string,
) => AsyncGenerator<readonly CheckFinding[], CheckOutcome, undefined>;

export interface CheckRules {
  readonly check: Check;
  /** Whether what it sees may be on its way, so that it is a finding only when it is seen again after a while. */
  readonly settles: boolean;
  /** Whether corrections of rows may put right what it found, so that it is looked for again after them. */
  readonly rechecks: boolean;
}
