import type { CheckFinding } from '../../contracts/check';
import { driftText, findDrift } from '../../engine/detect/drift';
import type { Drift } from '../../engine/detect/drift-context';
import { pairsOf, type CheckRules, type CheckRun } from './check';

/** How the definition of the target's table differs from the source's; corrections of rows change nothing of it. */
export const drift: CheckRules = { check: checkDrift, settles: false, rechecks: false };

async function* checkDrift({ resources, runId, config, context }: CheckRun, table: string) {
  const { pair, zones } = await resources.comparison(runId, table);
  const databases = {
    source: resources.database(pair.source.connection, 'source'),
    target: resources.database(pair.target.connection, 'target'),
  };
  const found = await findDrift(pair, pairsOf(config), databases, context.signal, zones);
  yield found.drifts.map((each) => findingOf(table, each));
  const { columns, constraints, indexes, drifts, notes } = found;
  const looked = `of the source: columns ${columns}, constraints ${constraints}, indexes ${indexes}`;
  return { detail: [looked, `differences: ${drifts.length}`, ...notes].join('; ') };
}

function findingOf(table: string, drift: Drift): CheckFinding {
  const { object, name, what, source, target, severity, ddl } = drift;
  return {
    table,
    type: 'schema_drift',
    severity,
    about: what,
    key: { object, name },
    differences: [{ name: what, targetName: what, source, target }],
    source: null,
    target: ddl.length === 0 ? null : { ddl: ddl.join(';\n') },
    detail: driftText(drift),
  };
}
