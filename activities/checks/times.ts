import { DEFAULT_CHECKS, MODES, type CheckFinding, type CheckOutcome } from '../../contracts/check';
import type { Comparison } from '../../contracts/comparison';
import { TrueupError } from '../../contracts/errors';
import { readTableShape, type TableShape } from '../../database/table-shape';
import type { ColumnPair } from '../../engine/column-pair';
import { columnsOf } from '../../engine/detect/column';
import { lossesOf } from '../../engine/detect/precision-loss';
import { timeReading } from '../../engine/detect/time-reading';
import { timeRules, type TimeRule } from '../../engine/detect/time-rule';
import { wrongTimes, type WrongTime } from '../../engine/detect/times';
import type { Role } from '../../engine/side';
import {
  PRECISIONS,
  readLossGroups,
  readOffsetGroups,
  type OffsetGroup,
  type TimeColumn,
  type TimeForm,
} from '../../ledger/time-difference';
import type { CheckRules, CheckRun } from './check';

/** Rows of the target whose times cannot be, and what moved or cut many times of a column in the same way. */
async function* checkTimes(
  run: CheckRun,
  table: string,
): AsyncGenerator<readonly CheckFinding[], CheckOutcome, undefined> {
  const { resources, runId, config, context } = run;
  const { signal } = context;
  const comparison = await resources.comparison(runId, table);
  const [source, target] = [await shapeOf(run, comparison, 'source'), await shapeOf(run, comparison, 'target')];
  const columns = columnsOf(comparison.pair, source, target);
  const { database } = resources.sides(comparison).target;
  const given = comparison.pair.checks ?? DEFAULT_CHECKS;
  const rules = await timeRules(comparison, given, columns, await timeReading(database, comparison.zones?.target));
  const turn = <T>(use: () => Promise<T>) => resources.comparing(comparison, signal, use);
  for (const rule of rules) {
    for await (const page of wrongTimes(comparison, resources.sides(comparison), rule, { signal, turn })) {
      yield page.map((wrong) => findingOf(comparison, rule, wrong));
    }
  }
  const isCompared = MODES[config.mode ?? 'full'].rows !== null;
  if (isCompared) yield await shiftsOf(run, comparison, columns);
  return {
    detail: [
      rules.length === 0 ? 'no rules' : rules.map(({ name }) => name).join('; '),
      isCompared ? 'shifts and lost precision' : 'not checked: shifts and lost precision, as rows are not compared',
    ].join('; '),
  };
}

async function shapeOf({ resources }: CheckRun, { pair }: Comparison, role: Role): Promise<TableShape> {
  const { connection, schema, table } = pair[role];
  const shape = await readTableShape(resources.database(connection, role), schema, table);
  if (shape) return shape;
  throw new TrueupError(
    'TABLE_NOT_FOUND',
    `table ${pair.name}: connection ${connection} has no table ${schema}.${table}`,
  );
}

function findingOf({ pair }: Comparison, { name, broken }: TimeRule, wrong: WrongTime): CheckFinding {
  const { key, rows, differences, source, target, isInSource } = wrong;
  const equal = rows > 1 ? `${rows} equal rows: ` : '';
  return {
    table: pair.name,
    type: 'temporal_violation',
    severity: isInSource ? 'low' : pair.critical ? 'critical' : 'medium',
    about: `rule ${name}`,
    key,
    differences,
    source,
    target,
    detail: `${equal}${broken}${isInSource ? ', in the source in the same way' : ''}`,
  };
}

/** What the differing times of a column have in common; the rows are findings of their own. */
async function shiftsOf(
  { ledger, runId }: CheckRun,
  { pair }: Comparison,
  columns: ReadonlyMap<string, ColumnPair>,
): Promise<readonly CheckFinding[]> {
  const times = [...columns.values()].flatMap((column): TimeColumn[] => {
    const form = formOf(column);
    return form === null ? [] : [{ name: column.source.name, form }];
  });
  if (times.length === 0) return [];
  const groups = await readLossGroups(ledger, runId, pair.name, times);
  const losses = times.map(({ name }) => ({
    name,
    losses: lossesOf(
      groups.filter(({ column }) => column === name),
      PRECISIONS.length,
    ),
  }));
  const explained = losses.map((found): [string, number] => [
    found.name,
    found.losses.reduce((mask, { loss }) => mask | (1 << loss), 0),
  ]);
  const offsets = await readOffsetGroups(ledger, runId, pair.name, times, Object.fromEntries(explained));
  const about = (name: string, key: Record<string, string>, detail: string): CheckFinding => ({
    table: pair.name,
    type: 'temporal_violation',
    severity: pair.critical ? 'critical' : 'high',
    about: 'column',
    key: { column: name, ...key },
    differences: [{ name, targetName: columns.get(name)?.target.name ?? name, source: null, target: null }],
    source: null,
    target: null,
    detail,
  });
  return [
    ...losses.flatMap(({ name, losses: found }) =>
      found.flatMap(({ loss, rows }) => {
        const precision = PRECISIONS[loss];
        if (!precision) return [];
        const lost = `${precision.how} to ${precision.name}`;
        return about(name, { precision: lost }, `${name}: ${rows} rows of the target hold the source's time ${lost}`);
      }),
    ),
    ...offsets.map((group) => about(group.column, { offset: group.text }, offsetDetail(group, columns))),
  ];
}

const HOUR = 3_600_000_000n;

function offsetDetail(
  { column, offset, text, rows, differing }: OffsetGroup,
  columns: ReadonlyMap<string, ColumnPair>,
) {
  const far = offset < 0n ? -offset : offset;
  const found = columns.get(column);
  const isDate = found?.source.baseType === 'date' && found.target.baseType === 'date';
  const isZone = !isDate && offset % (HOUR / 4n) === 0n && far <= 26n * HOUR;
  const kind = isZone ? 'as by a time zone' : 'a constant shift';
  return `${column}: off by ${text} in ${rows} of the ${differing} rows in which it differs, ${kind}`;
}

const INSTANT = /^(date|timestamp with(out)? time zone)$/;

function formOf({ source, target }: ColumnPair): TimeForm | null {
  const both = (test: RegExp) => test.test(source.baseType) && test.test(target.baseType);
  if (both(INSTANT)) return 'instant';
  if (both(/^time without time zone$/)) return 'time';
  return both(/^time with(out)? time zone$/) ? 'timetz' : null;
}

export const times: CheckRules = { check: checkTimes, settles: true, rechecks: true };
