import { TrueupError } from '../../contracts/errors';
import { checkRule } from '../../engine/detect/rules';
import type { CheckRules } from './check';
import { pulled } from './pulled';

/** Whether what two queries come to agrees, key by key. */
export const rules: CheckRules = {
  settles: true,
  rechecks: true,
  check: async function* ({ resources, runId, config, context: { signal } }, name) {
    const rule = config.rules?.find((found) => found.name === name);
    if (!rule) throw new TrueupError('INTERNAL', `run ${runId} has no rule ${name}`);
    const [source, target] = [resources.database(rule.source, 'source'), resources.database(rule.target, 'target')];
    const hash = await resources.hashMethod(rule.source, rule.target);
    return yield* pulled((push) => checkRule({ rule, source, target, hash, signal }, push));
  },
};
