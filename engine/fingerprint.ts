import type { KeyRange } from '../contracts/chunk';
import type { Queryable } from '../database/connection';
import { Parameters, rangeCondition } from './range';
import type { Side } from './side';
import { fromRanges, sliceExpression, type SliceLayout } from './slice';

/** Count and order-free sum of row hashes of one slice. The sum is exact (a numeric), so it cannot overflow. */
export interface Fingerprint {
  readonly rows: number;
  readonly sum: string;
}

export type Fingerprints = ReadonlyMap<number, Fingerprint>;

/** Fingerprints every slice of a range in one scan, inside the database. */
export async function fingerprint(
  session: Queryable,
  side: Side,
  range: KeyRange,
  layout: SliceLayout,
): Promise<Fingerprints> {
  const parameters = new Parameters();
  const sums = `count(*) as n, sum(${side.rowHash}) as sum`;
  const statement =
    layout.kind === 'ranges'
      ? `select "trueup:no" - 1 as slice, n, sum from ${fromRanges(side, layout, sums, parameters)} where n > 0`
      : `select ${sliceExpression(side, layout)} as slice, ${sums}
           from ${side.relation} where ${rangeCondition(side, range, parameters)} group by 1`;
  const { rows } = await session.query<{ slice: string; n: string; sum: string }>(statement, parameters.values);
  return new Map(rows.map((row) => [Number(row.slice), { rows: Number(row.n), sum: row.sum }]));
}

export function countRows(fingerprints: Fingerprints): number {
  let total = 0;
  for (const { rows } of fingerprints.values()) total += rows;
  return total;
}

/** The slices whose fingerprints disagree, in ascending order. */
export function disagreeing(source: Fingerprints, target: Fingerprints): readonly number[] {
  const slices = new Set([...source.keys(), ...target.keys()]);
  return [...slices]
    .filter((slice) => {
      const [a, b] = [source.get(slice), target.get(slice)];
      return a?.rows !== b?.rows || a?.sum !== b?.sum;
    })
    .sort((a, b) => a - b);
}
