import type { CheckFinding, CheckOutcome, TableChecks } from '../../contracts/check';
import type { ColumnDifference } from '../../contracts/difference';
import type { Comparison } from '../../contracts/comparison';
import { withSnapshots, type Sides } from '../compare-chunk';
import { multisetSides } from '../multiset';
import type { Side } from '../side';
import { repeated, type Push } from './counts';
import { drillDown, type DrilledGroup } from './drill-down';
import {
  chosenGrouping,
  groupColumns,
  groupHash,
  groupingOf,
  groupingText,
  groupRecord,
  type Grouping,
} from './grouping';
import { joinKeyed, type KeyedPair, type KeyedQuery } from './keyed';
import { sumsOf, type Sum } from './sums';

export interface AggregatesOptions {
  readonly comparison: Comparison;
  readonly sides: Sides;
  readonly checks: Pick<TableChecks, 'groupBy' | 'sums'>;
  /** Whether rows that differ become findings; false where the run compares all rows anyway. */
  readonly rows: boolean;
  readonly signal?: AbortSignal;
}

/** What is aggregated, by what. */
interface Aggregation {
  readonly comparison: Comparison;
  readonly grouping: Grouping;
  readonly sums: readonly Sum[];
}

/** Groups whose rows are looked at; a finding is made of each further one that differs, too. */
const MOST_GROUPS = 10_000;
const PAGE = 200;

/**
 * Holds count, sums and checksum of each group of rows against each other, and hands on each group where they differ, with
 * what its rows come to, and the rows.
 *
 * The checksum is the sum of the hashes by which rows are compared, whatever their order: exact, and equal where the rows
 * are. Where values that are near each other count as equal, sums and checksum may differ and the rows do not: then the
 * group matches.
 */
export async function compareAggregates(options: AggregatesOptions, push: Push): Promise<CheckOutcome> {
  const { comparison, sides, checks, signal } = options;
  const { groupBy } = checks;
  const grouping = groupBy === null ? chosenGrouping(comparison) : await groupingOf(comparison, sides, groupBy);
  const { sums, leftOut } = await sumsOf(comparison, sides, checks.sums);
  const aggregation = { comparison, grouping, sums };
  const compared = await compareGroups(aggregation, sides, push, signal);
  const drilled = await drillDown({ comparison, sides, grouping, groups: compared.kept, signal }, async (rows) => {
    if (options.rows) await push(rows);
  });
  let within = 0;
  let page: CheckFinding[] = [];
  for (const [i, pair] of compared.kept.entries()) {
    const rows = drilled.groups[i] ?? null;
    if (rows && drilled.isStill && isWithinTolerance(aggregation, pair, rows)) {
      within += 1;
      continue;
    }
    page.push(mismatch(aggregation, pair, rows));
    if (page.length < PAGE) continue;
    await push(page);
    page = [];
  }
  if (page.length > 0) await push(page);
  const { groups, differing, source, target } = compared;
  const by = groupingText(grouping);
  const chosen = groupBy === null && by !== '' ? ' (chosen by names and types)' : '';
  const summed = sums.length === 0 ? 'no sums' : sums.map(({ name }) => sumName(name)).join(', ');
  const parts = [
    by === '' ? 'all rows as one group' : `${groups} groups by ${by}${chosen}`,
    `${groups - differing + within} match, ${differing - within} do not`,
    ...(within === 0 ? [] : [`${within} of those that match only within what counts as equal`]),
    `compared by count, ${summed} and checksum`,
    ...(leftOut.length === 0 ? [] : [`not summed, as their sums are not exact: ${leftOut.join(', ')}`]),
    ...drilled.notes,
  ];
  return { detail: parts.join('; '), rows: { source: Number(source), target: Number(target) } };
}

/** Aggregates both sides at about the same time. Groups that differ are kept, and handed on where they are too many. */
async function compareGroups(aggregation: Aggregation, sides: Sides, push: Push, signal: AbortSignal | undefined) {
  const { comparison } = aggregation;
  // Also the rows whose key is NULL.
  const all = multisetSides(comparison, sides, 'multiset');
  const queries = {
    source: queryOf(aggregation, sides.source, all.source),
    target: queryOf(aggregation, sides.target, all.target),
  };
  const kept: KeyedPair[] = [];
  let [source, target, groups, differing] = [0n, 0n, 0, 0];
  await withSnapshots(
    sides,
    async (sessions) => {
      for await (const pair of joinKeyed(sessions, queries, repeated)) {
        groups += 1;
        source += BigInt(pair.source?.[0] ?? 0);
        target += BigInt(pair.target?.[0] ?? 0);
        if (differencesOf(aggregation, pair).length === 0) continue;
        differing += 1;
        if (kept.length < MOST_GROUPS) kept.push(pair);
        else await push([mismatch(aggregation, pair, null)]);
      }
    },
    signal,
  );
  return { kept, source, target, groups, differing };
}

/** Count, sums and checksum of each group of a side. */
function queryOf({ comparison, grouping, sums }: Aggregation, side: Side, all: Side): KeyedQuery {
  const keys = grouping.items.map((_, i) => `"trueup:k${i}"`);
  const names = sums.map((_, i) => `"trueup:s${i}"`);
  const values = ['count(*)', ...names.map((name) => `trim_scale(sum(${name}))`), 'sum("trueup:row")'];
  const summed = sums.map((sum, i) => `${sum[side.role]} as "trueup:s${i}", `).join('');
  const aggregates = values.map((value, i) => `(${value})::text as "trueup:v${i}"`).join(', ');
  const columns = [...keys, ...values.map((_, i) => `"trueup:v${i}"`)].join(', ');
  return {
    sql: `select ${groupHash(grouping, comparison.hash)} as "trueup:hash", ${columns}
            from (select ${[...keys, aggregates].join(', ')}
                    from (select ${groupColumns(grouping, side.role)}${summed}${side.rowHash} as "trueup:row"
                            from ${all.relation} where ${all.filter}) as "trueup:rows"
                   ${keys.length === 0 ? 'having count(*) > 0' : `group by ${keys.join(', ')}`}) as "trueup:groups"
           order by 1`,
    parameters: [],
    keys: keys.length,
    values: values.length,
  };
}

const sumName = (column: string) => `sum(${column})`;

/** The aggregates that differ between the two sides of a group; one that only one side has has a count of 0 on the other. */
function differencesOf({ sums }: Aggregation, { source, target }: KeyedPair): readonly ColumnDifference[] {
  const names = [
    { name: 'count', targetName: 'count' },
    ...sums.map((sum) => ({ name: sumName(sum.name), targetName: sumName(sum.targetName) })),
    { name: 'checksum', targetName: 'checksum' },
  ];
  return names.flatMap((both, i) => {
    const none = i === 0 ? '0' : null;
    const [a, b] = [source ? (source[i] ?? null) : none, target ? (target[i] ?? null) : none];
    return a === b ? [] : [{ ...both, source: a, target: b }];
  });
}

/** Whether all that differs is what values that count as equal may make differ, and the rows themselves do not. */
function isWithinTolerance(aggregation: Aggregation, pair: KeyedPair, rows: DrilledGroup): boolean {
  const { comparison, sums } = aggregation;
  const tolerant = comparison.columns
    .filter(({ equivalence }) => equivalence !== undefined)
    .map(({ source }) => source);
  if (tolerant.length === 0 || rows.seen !== 'all' || rows.missing + rows.extra + rows.differ > 0) return false;
  const explained = [
    'checksum',
    ...sums.filter(({ name }) => tolerant.includes(name)).map(({ name }) => sumName(name)),
  ];
  return differencesOf(aggregation, pair).every(({ name }) => explained.includes(name));
}

function mismatch(aggregation: Aggregation, pair: KeyedPair, rows: DrilledGroup | null): CheckFinding {
  const { comparison, grouping } = aggregation;
  const differences = differencesOf(aggregation, pair);
  const isCount = differences.some(({ name }) => name === 'count');
  const values = (side: 'source' | 'target') =>
    Object.fromEntries(differences.map((found) => [found.name, found[side]]));
  return {
    table: comparison.pair.name,
    type: 'aggregate_mismatch',
    severity: comparison.pair.critical ? 'critical' : isCount ? 'high' : 'medium',
    about: groupingText(grouping),
    key: groupRecord(grouping, pair.key),
    differences,
    source: pair.source && values('source'),
    target: pair.target && values('target'),
    detail: rowsText(rows),
  };
}

/** `2 missing, 1 extra, 3 mismatched: id=7, id=8, …` */
function rowsText(rows: DrilledGroup | null): string {
  if (rows === null || rows.seen === 'none') return 'its rows were not looked at, as too many groups or rows differ';
  const { missing, extra, differ, keys, more } = rows;
  const counts = `${rows.seen === 'some' ? 'at least ' : ''}${missing} missing, ${extra} extra, ${differ} mismatched`;
  const total = missing + extra + differ;
  return total === 0
    ? `${rows.seen === 'some' ? 'not all of its rows were looked at' : 'none of its rows differed when they were looked at'}`
    : `${counts}: ${keys.join('; ')}${more ? '; …' : ''}`;
}
