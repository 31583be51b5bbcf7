import type { CheckFinding } from '../../contracts/check';
import type { Comparison } from '../../contracts/comparison';
import type { Sides } from '../../engine/compare-chunk';
import { FAR, findAnomalies, trainModel, type Anomaly, type AnomalyModel } from '../../engine/detect/anomalies';
import { keyValues } from '../../engine/key';
import { agreeNow } from '../../engine/settle';
import { insertModel, readModel } from '../../ledger/anomaly-model';
import type { CheckRules, CheckRun } from './check';

/** Rows of the target that are unusual by what the source's are like: a guess, which no correction answers. */
export const anomalies: CheckRules = { check: checkAnomalies, settles: false, rechecks: false };

async function* checkAnomalies(run: CheckRun, table: string) {
  const { resources, ledger, runId, context } = run;
  const comparison = await resources.comparison(runId, table);
  if (comparison.columns.length === 0) return { detail: 'nothing was scored: the table has no columns beside its key' };
  const sides = resources.sides(comparison);
  const { source, target } = sides;
  // What an attempt before has learned, this one goes on with: it may have entered findings by it.
  const known = (await readModel(ledger, runId, table)) as AnomalyModel | null;
  const model = known ?? (await trainModel(comparison, source, context.signal));
  if ('tooFew' in model) {
    return { detail: `nothing was scored: too few rows to learn from in the source, ${model.tooFew}` };
  }
  if (!known) await insertModel(ledger, runId, table, { ...model, model });
  const pages = findAnomalies(comparison, target, model, context.signal);
  const { rows, found, ofSource } = yield* pagesOf(table, pages, (page) =>
    equalToSource(comparison, sides, page, context.signal),
  );
  if (rows === 0) return { detail: 'nothing was scored: the target has no rows' };
  const looked = `rows of the target scored: ${rows}, by ${model.rows} of the source in ${model.features.length} features`;
  const low = `${found} below ${model.threshold.toFixed(3)}`;
  return { detail: `${looked}; ${low}, ${ofSource} of them the same in the source` };
}

type IsEqual = (page: readonly Anomaly[]) => Promise<readonly boolean[]>;

async function* pagesOf(table: string, pages: ReturnType<typeof findAnomalies>, isEqual: IsEqual) {
  let [found, ofSource] = [0, 0];
  for (;;) {
    const page = await pages.next();
    if (page.done) return { rows: page.value.rows, found, ofSource };
    const equal = await isEqual(page.value);
    found += page.value.length;
    ofSource += equal.filter(Boolean).length;
    yield page.value.map((anomaly, i) => findingOf(table, anomaly, equal[i] === true));
  }
}

/** Which of them the source has in just the same way: unusual as they are, nothing has made them so on the way. */
async function equalToSource(
  comparison: Comparison,
  sides: Sides,
  anomalies: readonly Anomaly[],
  signal: AbortSignal,
): Promise<readonly boolean[]> {
  if (comparison.key.length === 0 || anomalies.length === 0) return [];
  const keys = anomalies.map(({ key }) => keyValues(comparison, key));
  const agree = await agreeNow(comparison, sides, keys, signal);
  // By a key with NULL in it no row can be read again.
  return keys.map((key, i) => agree[i] === true && !key.includes(null));
}

function findingOf(table: string, { key, score, drivers }: Anomaly, isOfSource: boolean): CheckFinding {
  const because = drivers.map(({ feature }) => feature).join(', ');
  return {
    table,
    type: 'anomaly',
    severity: score < FAR && !isOfSource ? 'high' : 'low',
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
    detail: `score ${score.toFixed(3)}${because === '' ? '' : `, most by: ${because}`}${isOfSource ? '; the source has the same row' : ''}`,
  };
}
