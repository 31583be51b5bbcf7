import type { CheckFinding, CheckOutcome } from '../../contracts/check';
import type { Comparison } from '../../contracts/comparison';
import { TrueupError } from '../../contracts/errors';
import type { Queryable } from '../../database/connection';
import { withSnapshots, type Sides } from '../compare-chunk';
import type { KeyValues } from '../key';
import { settledBoth } from '../locate';
import { multisetSides } from '../multiset';
import type { Side } from '../side';
import { groupColumns, groupHash, groupingText, groupRecord, type Grouping } from './grouping';
import { joinKeyed, type KeyedQuery } from './keyed';

export interface CountsOptions {
  readonly comparison: Comparison;
  readonly sides: Sides;
  /** No items: only all rows are counted. */
  readonly grouping: Grouping;
  /** How far counts may lie apart before it is of high severity. */
  readonly high: number;
  readonly signal?: AbortSignal;
}

const PAGE = 200;

/** Takes what was found, and is waited for. */
export type Push = (page: readonly CheckFinding[]) => Promise<void>;

/** Counts the rows of both sides at about the same time, all of them and by group, and hands on where the counts differ. */
export async function countRows(options: CountsOptions, push: Push): Promise<CheckOutcome> {
  const { comparison, sides, grouping, signal } = options;
  // Also the rows whose key is NULL.
  const all = multisetSides(comparison, sides, 'multiset');
  let [source, target, groups, differing] = [0n, 0n, 0, 0];
  let page: CheckFinding[] = [];
  await withSnapshots(
    sides,
    async (sessions) => {
      if (grouping.items.length === 0) {
        [source, target] = await settledBoth(total(sessions.source, all.source), total(sessions.target, all.target));
        return;
      }
      const queries = {
        source: queryOf(all.source, grouping, comparison),
        target: queryOf(all.target, grouping, comparison),
      };
      for await (const found of joinKeyed(sessions, queries, repeated)) {
        const [ofSource, ofTarget] = [rowsOf(found.source), rowsOf(found.target)];
        source += ofSource;
        target += ofTarget;
        groups += 1;
        if (ofSource === ofTarget) continue;
        differing += 1;
        page.push(mismatch(options, found.key, ofSource, ofTarget));
        if (page.length < PAGE) continue;
        await push(page);
        page = [];
      }
    },
    signal,
  );
  if (source !== target) page.push(mismatch(options, null, source, target));
  if (page.length > 0) await push(page);
  const by = groupingText(grouping);
  const inGroups =
    by === '' ? '' : `; ${groups} groups by ${by}, ${differing === 0 ? 'all equal' : `${differing} differ`}`;
  return {
    detail: `counted, not compared: ${source} rows in the source, ${target} in the target${inGroups}`,
    rows: { source: Number(source), target: Number(target) },
  };
}

async function total(session: Queryable, side: Side): Promise<bigint> {
  const { rows } = await session.query<{ n: string }>(
    `select count(*) as n from ${side.relation} where ${side.filter}`,
  );
  return BigInt(rows[0]?.n ?? 0);
}

function queryOf(side: Side, grouping: Grouping, { hash }: Comparison): KeyedQuery {
  const names = grouping.items.map((_, i) => `"trueup:k${i}"`).join(', ');
  return {
    sql: `select ${groupHash(grouping, hash)} as "trueup:hash", ${names}, "trueup:v0"
            from (select ${names}, count(*) as "trueup:v0"
                    from (select ${groupColumns(grouping, side.role)}1 from ${side.relation} where ${side.filter}) as "trueup:rows"
                   group by ${names}) as "trueup:groups" order by 1`,
    parameters: [],
    keys: grouping.items.length,
    values: 1,
  };
}

/** A group comes once from `group by`: this is a fault of Trueup. */
export const repeated = () => new TrueupError('INTERNAL', 'a group was counted twice', { retryable: false });

const rowsOf = (values: KeyValues | null) => BigInt(values?.[0] ?? 0);

/** The difference of the counts of a group; null: of all rows. */
function mismatch(
  { comparison, grouping, high }: CountsOptions,
  group: KeyValues | null,
  source: bigint,
  target: bigint,
): CheckFinding {
  const apart = target - source;
  const [ofSource, ofTarget] = [String(source), String(target)];
  const difference = { name: 'count', targetName: 'count', source: ofSource, target: ofTarget };
  return {
    table: comparison.pair.name,
    type: 'count_mismatch',
    severity: (apart < 0n ? -apart : apart) > BigInt(high) ? 'high' : 'medium',
    about: group === null ? '' : `group by ${groupingText(grouping)}`,
    key: group === null ? {} : groupRecord(grouping, group),
    differences: [difference],
    source: { count: ofSource },
    target: { count: ofTarget },
    detail: `${ofSource} ${source === 1n ? 'row' : 'rows'} in the source, ${ofTarget} in the target: ${apart > 0n ? '+' : ''}${apart}`,
  };
}
