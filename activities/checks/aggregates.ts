import { DEFAULT_CHECKS, MODES } from '../../contracts/check';
import { compareAggregates } from '../../engine/detect/aggregates';
import type { CheckRules } from './check';
import { pulled } from './pulled';

/** Counts, sums and checksums of each group of rows, and the rows of those that differ. */
export const aggregates: CheckRules = {
  settles: true,
  rechecks: true,
  check: async function* ({ resources, runId, config, context: { signal } }, table) {
    const comparison = await resources.comparison(runId, table);
    const sides = resources.sides(comparison);
    const checks = comparison.pair.checks ?? DEFAULT_CHECKS;
    // A run that compares rows has its own findings of them.
    const rows = MODES[config.mode ?? 'full'].rows === null;
    return yield* pulled((push) =>
      resources.comparing(comparison, signal, () =>
        compareAggregates({ comparison, sides, checks, rows, signal }, push),
      ),
    );
  },
};
