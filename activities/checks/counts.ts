import { DEFAULT_CHECKS } from '../../contracts/check';
import { countRows } from '../../engine/detect/counts';
import { groupingOf, ONE_GROUP } from '../../engine/detect/grouping';
import type { CheckRules } from './check';
import { pulled } from './pulled';

/** How many rows both sides have, and how many in each of the groups that the config names. */
export const counts: CheckRules = {
  settles: true,
  rechecks: true,
  check: async function* ({ resources, runId, context: { signal } }, table) {
    const comparison = await resources.comparison(runId, table);
    const sides = resources.sides(comparison);
    const { groupBy, countHigh: high } = comparison.pair.checks ?? DEFAULT_CHECKS;
    const grouping = groupBy === null ? ONE_GROUP : await groupingOf(comparison, sides, groupBy);
    return yield* pulled((push) =>
      resources.comparing(comparison, signal, () => countRows({ comparison, sides, grouping, high, signal }, push)),
    );
  },
};
