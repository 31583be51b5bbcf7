import { MODES } from '../contracts/check';
import type { ChunkRange, KeyBound } from '../contracts/chunk';
import type { ChangeTime, Comparison } from '../contracts/comparison';
import { DEFAULT_SAMPLE } from '../contracts/sample';
import type { Database, Queryable } from '../database/connection';
import { readMoments, type Moments } from '../engine/change-time';
import type { Sides } from '../engine/compare-chunk';
import { keyValues } from '../engine/key';
import { isKey, planChunks, planNulls } from '../engine/plan-chunks';
import { keyChunks, withChangedKeys, withSampledKeys, type SampleFrame } from '../engine/plan-keys';
import { insertChunks } from '../ledger/chunk';
import { noteRowsCompared, readLedgerTime, type RowsCompared } from '../ledger/rows-compared';
import { readRunConfig } from '../ledger/run';
import { insertSample } from '../ledger/sample';
import { readBasis, streamOpenKeys, type Basis } from '../ledger/watermark';
import type { TableStep } from './compare';
import type { Resources } from './resources';
import type { StepContext } from './step';

const WHOLE = {
  none: 'there is no watermark yet',
  'other comparison': 'what is compared of the table is not what it was at the watermark',
  ahead: "the watermark lies ahead of a database's clock",
  purged: 'what was found since the watermark was purged',
  'written otherwise': 'corrections since the watermark went by another key',
} as const satisfies Record<Exclude<Basis['kind'], 'since'>, string>;
const NO_UPDATED_AT = 'the config names no updatedAt for this table';
const NO_KEY = 'no key tells them apart';
const FILTER = 'its filter may let rows in or out that do not change';

/** What a filter looks at beside the row itself: the time, other tables. */
const FILTER_BEYOND_ROW =
  /\b(select|now|current_(date|time|timestamp)|localtime(stamp)?|(clock|statement|transaction)_timestamp|timeofday|random)\b|\bage\s*\(|'\s*(now|today|yesterday|tomorrow)\b/i;

interface Planning {
  readonly ledger: Database;
  readonly step: TableStep;
  readonly comparison: Comparison;
  readonly sides: Sides;
  readonly context: StepContext;
  /** The ledger's clock and those of both sides, before anything was read; null: no column says when a row changed. */
  readonly beganAt: string;
  readonly began: Moments | null;
}

interface Plan {
  readonly rows: RowsCompared;
  readonly since: Moments | null;
  readonly note: string | null;
}

/** Enters the chunks of the rows that a run compares of a table by its mode; returns how many there are. */
export async function planRows(
  resources: Resources,
  step: TableStep,
  comparison: Comparison,
  context: StepContext,
): Promise<number> {
  const ledger = await resources.ledger();
  const mode = (await readRunConfig(ledger, step.runId))?.mode ?? 'full';
  const sides = resources.sides(comparison);
  const beganAt = await readLedgerTime(ledger);
  const began = comparison.changeTime ? await readMoments(sides, context.signal) : null;
  const planning: Planning = { ledger, step, comparison, sides, context, beganAt, began };
  switch (MODES[mode].rows) {
    case 'changed':
      return planChanged(planning);
    case 'sample':
      return planSample(planning);
    case 'all':
    case null:
      return planAll(planning, null);
  }
}

async function planAll(planning: Planning, why: string | null): Promise<number> {
  const { comparison, sides, context } = planning;
  let boundaries = 0;
  const onBoundary = () => (boundaries += 1) % 100 === 0 && context.report({ boundaries });
  const ranges = await planChunks(comparison, sides, comparison.pair.chunkRows, context.signal, { onBoundary });
  const note = why === null ? null : `all rows were compared: ${why}`;
  return enter(planning, each(null, ranges), { rows: 'all', since: null, note });
}

/** The rows that changed since the watermark, and those that were left different then; all of them without a watermark. */
async function planChanged(planning: Planning): Promise<number> {
  const { ledger, step, comparison, sides, context, began } = planning;
  const { runId, table } = step;
  const { changeTime, pair } = comparison;
  if (!changeTime || !began) return planAll(planning, NO_UPDATED_AT);
  if (pair.where !== null && FILTER_BEYOND_ROW.test(pair.where)) return planAll(planning, FILTER);
  const basis = await readBasis(ledger, runId, table, began, changeTime);
  if (basis.kind !== 'since') return planAll(planning, WHOLE[basis.kind]);
  if (!(await isKey(comparison, sides, context.signal))) return planAll(planning, NO_KEY);
  const { since } = basis;
  const nulls = await planNulls(comparison, sides, context.signal);
  const plan: Plan = { rows: 'changed', since, note: changedNote(changeTime, since) };
  return ledger.withTransaction(
    'repeatable read, read only',
    async (session) => {
      // It waits while both sides are read.
      await session.query('set local idle_in_transaction_session_timeout = 0');
      const open = openKeys(session, step, comparison);
      const use = (keys: AsyncGenerator<KeyBound>) => enter(planning, each(keyChunks(keys), nulls), plan);
      return withChangedKeys(comparison, sides, since, open, use, context.signal);
    },
    context.signal,
  );
}

async function* openKeys(session: Queryable, { runId, table }: TableStep, comparison: Comparison) {
  for await (const page of streamOpenKeys(session, runId, table)) {
    yield page.map((key): KeyBound => keyValues(comparison, key).map((text) => text ?? ''));
  }
}

function changedNote({ source, target }: ChangeTime, since: Moments): string {
  const names = [...new Set([source.column, target.column])].join(' and ');
  const zone = source.zoned && target.zoned ? '' : ', read as UTC';
  const at = (moment: string) => `${moment.slice(0, 19)} UTC`;
  const [inSource, inTarget] = [at(since.source), at(since.target)];
  const both = inSource === inTarget ? inSource : `${inSource} (target: ${inTarget})`;
  return (
    `compared were the rows that ${names}${zone} says were changed since ${both}, and those that were left different: ` +
    `this does not see rows that were deleted, nor changes that leave ${names} as it was; a full run does`
  );
}

async function planSample(planning: Planning): Promise<number> {
  const { comparison, sides, context } = planning;
  if (!(await isKey(comparison, sides, context.signal))) return planAll(planning, NO_KEY);
  const terms = comparison.pair.sample ?? { ...DEFAULT_SAMPLE, seed: 0 };
  const note = comparison.keyNullable ? 'rows whose key is NULL were not sampled' : null;
  return withSampledKeys(
    comparison,
    sides,
    terms,
    (keys, frame) => enter(planning, keyChunks(keys), { rows: 'sample', since: null, note }, { ...terms, ...frame }),
    context.signal,
  );
}

type Drawn = SampleFrame & Parameters<typeof insertSample>[3];

/** Enters the chunks, with what else is known of them; where another attempt has entered its own, these stand. */
async function enter(
  { ledger, step: { runId, table }, context, beganAt, began }: Planning,
  ranges: AsyncGenerator<ChunkRange>,
  { rows, since, note }: Plan,
  drawn?: Drawn,
): Promise<number> {
  // The first comes after both sides have read and sorted everything: no transaction of the ledger waits for that.
  const head = await ranges.next();
  async function* numbered() {
    let no = 0;
    if (!head.done) yield { no, ...head.value };
    for await (const range of ranges) yield { no: (no += 1), ...range };
  }
  return ledger.withTransaction(
    'read write',
    async (session) => {
      const count = await insertChunks(session, runId, table, numbered());
      await noteRowsCompared(session, runId, table, {
        rows,
        beganAt,
        began: rows === 'sample' ? null : began,
        since,
        note,
      });
      if (drawn) await insertSample(session, runId, table, drawn);
      return count;
    },
    context.signal,
  );
}

async function* each(
  first: AsyncGenerator<ChunkRange> | null,
  then: readonly ChunkRange[],
): AsyncGenerator<ChunkRange> {
  if (first) yield* first;
  yield* then;
}
