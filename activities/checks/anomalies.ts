import type { CheckFinding } from '../../contracts/check';
import { FAR, findAnomalies, trainModel, type Anomaly, type AnomalyModel } from '../../engine/detect/anomalies';
import { insertModel, readModel } from '../../ledger/anomaly-model';
import type { CheckRules, CheckRun } from './check';

/** Rows of the target that are unusual by what the source's are like: a guess, which no correction answers. */
export const anomalies: CheckRules = { check: checkAnomalies, settles: false, rechecks: false };

async function* checkAnomalies(run: CheckRun, table: string) {
  const { resources, ledger, runId, context } = run;
  const comparison = await resources.comparison(runId, table);
  if (comparison.columns.length === 0) return { detail: 'nothing was scored: the table has no columns beside its key' };
  const { source, target } = resources.sides(comparison);
  // What an attempt before has learned, this one goes on with: it may have entered findings by it.
  const known = (await readModel(ledger, runId, table)) as AnomalyModel | null;
  const model = known ?? (await trainModel(comparison, source, context.signal));
  if ('tooFew' in model) {
    return { detail: `nothing was scored: too few rows to learn from in the source, ${model.tooFew}` };
  }
  if (!known) await insertModel(ledger, runId, table, { ...model, model });
  const { rows, found } = yield* pagesOf(table, findAnomalies(comparison, target, model, context.signal));
  if (rows === 0) return { detail: 'nothing was scored: the target has no rows' };
  const looked = `rows of the target scored: ${rows}, by ${model.rows} of the source in ${model.features.length} features`;
  return { detail: `${looked}; ${found} below ${model.threshold.toFixed(3)}` };
}

async function* pagesOf(table: string, pages: ReturnType<typeof findAnomalies>) {
  let found = 0;
  for (;;) {
    const page = await pages.next();
    if (page.done) return { rows: page.value.rows, found };
    found += page.value.length;
    yield page.value.map((anomaly) => findingOf(table, anomaly));
  }
}

function findingOf(table: string, { key, score, drivers }: Anomaly): CheckFinding {
  const because = drivers.map(({ feature }) => feature).join(', ');
  return {
    table,
    type: 'anomaly',
    severity: score < FAR ? 'high' : 'low',
    about: '',
    key,
    differences: drivers.map(({ feature, usual, found }) => ({
      name: feature,
      targetName: feature,
      source: usual,
      target: found,
    })),
    source: null,
    target: { score: score.toFixed(4) },
    detail: `score ${score.toFixed(3)}${because === '' ? '' : `, most by: ${because}`}`,
  };
}
