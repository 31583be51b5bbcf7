import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Comparison } from '../../contracts/comparison';
import type { TextRow } from '../../contracts/finding';
import { keyRecord } from '../key';
import { keyColumns } from '../range';
import type { Side } from '../side';
import {
  featureColumns,
  featureGroups,
  featureNames,
  rawFeatures,
  readTexts,
  scaleOf,
  standardised,
  type Scale,
} from './features';
import { growForest, scoreOf, type Features, type Forest } from './isolation-forest';

/** What is unusual for a table: grown from a sample of its source. */
export interface AnomalyModel {
  readonly seed: number;
  readonly features: readonly string[];
  readonly scale: Scale;
  readonly forest: Forest;
  /** Rows that score lower are anomalies: as low as the {@link CONTAMINATION} most unusual of the source. */
  readonly threshold: number;
  /** Rows of the source that it was trained on, and when they were read. */
  readonly rows: number;
  readonly trainedAt: string;
  /** From when to when these rows are, by the first of the columns that holds times; null: none does. */
  readonly window: { readonly column: string; readonly from: string; readonly to: string } | null;
}

export interface Anomaly {
  readonly key: TextRow;
  /** On scikit-learn's scale: −1 the most unusual, 0 the least. */
  readonly score: number;
  /** The features that made it so, the strongest first, with what is usual and what it has; three at the most. */
  readonly drivers: readonly { readonly feature: string; readonly usual: string; readonly found: string }[];
}

/** The part of the source's rows that is taken for unusual. */
export const CONTAMINATION = 0.05;
/** Below this a row is far apart. */
export const FAR = -0.5;
/** Fewer rows tell nothing of what is usual. */
export const FEWEST_ROWS = 16;
const MOST_ROWS = 10_000;
const MOST_VALUES = 250_000;
const AT_ONCE = 200;

interface SampleRow {
  readonly key: TextRow;
  readonly raw: Float64Array;
}

/** The model of a table, by a sample of its source; null: too few rows, or no column, to learn from. */
export async function trainModel(
  comparison: Comparison,
  source: Side,
  signal?: AbortSignal,
): Promise<AnomalyModel | { readonly tooFew: number }> {
  const sample = await readSample(comparison, source, signal);
  if (sample.length < FEWEST_ROWS || comparison.columns.length === 0) return { tooFew: sample.length };
  const scale = scaleOf(sample.map(({ raw }) => raw));
  const rows = sample.map(({ raw }) => standardised(raw, scale));
  const seed = seedOf(comparison);
  const groups = featureGroups(comparison.columns);
  const forest = await growForest(rows, { seed, groups, ...(signal === undefined ? {} : { signal }) });
  const scores: number[] = [];
  for (const row of rows) {
    scores.push(scoreOf(forest, row));
    if (scores.length % AT_ONCE === 0) await pause(signal);
  }
  const threshold = scores.sort((a, b) => a - b)[Math.floor(scores.length * CONTAMINATION)] ?? -1;
  return {
    seed,
    features: featureNames(comparison.columns),
    scale,
    forest,
    threshold,
    rows: rows.length,
    trainedAt: new Date().toISOString(),
    window: windowOf(comparison, sample),
  };
}

function windowOf({ columns }: Comparison, sample: readonly SampleRow[]): AnomalyModel['window'] {
  const column = columns.find(({ type }) => /^(date|timestamp)/.test(type));
  if (!column) return null;
  const at = featureNames(columns).indexOf(column.source);
  const epochs = sample.flatMap(({ raw }) => (Number.isFinite(raw[at]) ? [raw[at] ?? 0] : []));
  if (epochs.length === 0) return null;
  const least = epochs.reduce((a, b) => Math.min(a, b));
  const most = epochs.reduce((a, b) => Math.max(a, b));
  return { column: column.source, from: isoTime(least), to: isoTime(most) };
}

/** A time that JavaScript has no date for, as seconds. */
function isoTime(epoch: number): string {
  const date = new Date(epoch * 1_000);
  return Number.isNaN(date.getTime()) ? `${epoch} s` : date.toISOString();
}

/** The unusual rows of a sample of the target, in pages. Returns how many rows it scored. */
export async function* findAnomalies(
  comparison: Comparison,
  target: Side,
  model: AnomalyModel,
  signal?: AbortSignal,
): AsyncGenerator<readonly Anomaly[], { readonly rows: number }, undefined> {
  const sample = await readSample(comparison, target, signal);
  for (let from = 0; from < sample.length; from += AT_ONCE) {
    const found: Anomaly[] = [];
    for (const { key, raw } of sample.slice(from, from + AT_ONCE)) {
      const row = standardised(raw, model.scale);
      const score = scoreOf(model.forest, row);
      if (score < model.threshold) found.push({ key, score, drivers: driversOf(model, row, raw, score) });
    }
    await pause(signal);
    yield found;
  }
  return { rows: sample.length };
}

/** Lets heartbeats and others run. */
async function pause(signal?: AbortSignal): Promise<void> {
  await setImmediate();
  signal?.throwIfAborted();
}

/** By how much less unusual the row would be, were the feature as usual as it can be. */
function driversOf({ forest, features, scale }: AnomalyModel, row: Features, raw: Features, score: number) {
  const without = features.map((feature, i) => {
    const usual = Float64Array.from(row);
    usual[i] = 0;
    return { feature, i, gain: row[i] === 0 ? 0 : scoreOf(forest, usual) - score };
  });
  return without
    .filter(({ gain }) => gain > 0)
    .sort((a, b) => b.gain - a.gain)
    .slice(0, 3)
    .map(({ feature, i }) => ({ feature, usual: shown(scale.means[i]), found: shown(raw[i]) }));
}

const shown = (value = NaN) => (Number.isFinite(value) ? String(Number(value.toPrecision(6))) : String(value));

/** The same for the same table pair, so that two runs over the same rows find the same. */
function seedOf({ pair }: Comparison): number {
  return createHash('sha256').update(pair.name).digest().readInt32BE(0);
}

/**
 * Rows as a hash of their key puts them in order, so that all are as likely to be among the first, and that both sides give
 * the same keys; one scan, with memory for the rows of the answer alone.
 */
async function readSample(comparison: Comparison, side: Side, signal?: AbortSignal): Promise<readonly SampleRow[]> {
  const { columns, key } = comparison;
  if (columns.length === 0) return [];
  const limit = Math.max(FEWEST_ROWS, Math.min(MOST_ROWS, Math.floor(MOST_VALUES / columns.length)));
  const hasKey = key.length > 0;
  const selected = [...(hasKey ? [keyColumns(side)] : []), featureColumns(columns, side.role)];
  const sql = `select ${selected.join(', ')} from ${side.relation} where ${side.filter}
    order by hashint8extended(${hasKey ? side.keyHash : side.rowHash}, $1::bigint) limit $2::bigint`;
  const { rows } = await side.database.withSession(
    (session) => session.query<Record<string, string | null>>(sql, [seedOf(comparison), limit]),
    signal,
  );
  const seen = new Set<string>();
  return rows.flatMap((row) => {
    const values = side.key.map((_, i) => row[`trueup:k${i}`] ?? null);
    // Rows without a key are told apart by what was read of them.
    const id = hasKey ? keyRecord(comparison, values) : readTexts(columns, row);
    const text = JSON.stringify(id);
    if (seen.has(text)) return [];
    seen.add(text);
    return [{ key: id, raw: rawFeatures(columns, row) }];
  });
}
