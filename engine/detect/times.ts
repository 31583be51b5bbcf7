import type { Comparison } from '../../contracts/comparison';
import type { ColumnDifference } from '../../contracts/difference';
import type { TextRow } from '../../contracts/finding';
import type { Sides } from '../compare-chunk';
import { keyText } from '../key';
import { Parameters } from '../range';
import { commonText, plainText } from './column';
import type { PageOptions } from './pages';
import { inSource, partsOf, suspectKey, suspects, type Suspect } from './suspect';
import type { TimeRule } from './time-rule';

/** Rows of the target, with one key or equal, whose times break a rule. */
export interface WrongTime {
  readonly key: TextRow;
  readonly rows: number;
  readonly differences: readonly ColumnDifference[];
  readonly source: TextRow | null;
  readonly target: TextRow;
  /** Whether the same rows of the source have the same times, and break the rule too. */
  readonly isInSource: boolean;
}

/** The rows that break a rule, a page at a time. */
export async function* wrongTimes(
  comparison: Comparison,
  sides: Sides,
  rule: TimeRule,
  options: PageOptions,
): AsyncGenerator<readonly WrongTime[], void, undefined> {
  const { columns, breaks, from, breaksInSource } = rule;
  const n = columns.length;
  const zoneOf = ({ source }: TimeRule['columns'][number]) =>
    [...comparison.key, ...comparison.columns].find((column) => column.source === source.name)?.zone;
  for (const part of partsOf(comparison, sides)) {
    // Rows without a key have no place in its order.
    if (from && !part.keyed) continue;
    const { source: sourceSide, target: targetSide } = part.sides;
    const picked = {
      ...(from ? { from: from(targetSide) } : {}),
      where: breaks,
      values: [
        ...columns.map(({ target }) => plainText(target.name)),
        ...columns.map((column) => commonText(column, 'target', zoneOf(column))),
      ],
      parameters: new Parameters(),
    };
    const wanted = [
      ...columns.map(({ source }) => plainText(source.name)),
      ...columns.map((column) => commonText(column, 'source', zoneOf(column))),
      ...(breaksInSource ? [`(${breaksInSource(sourceSide)})::text`] : []),
    ];
    for await (const page of suspects(part, picked, options)) {
      const sources = await inSource(part, page, { values: wanted }, options.signal);
      yield page.map((suspect) => {
        const source = sources.get(keyText(suspect.key)) ?? null;
        const { differences, ...data } = dataOf(columns, suspect, source);
        return {
          key: suspectKey(part, suspect),
          rows: suspect.rows,
          differences,
          ...data,
          isInSource:
            source !== null && isAlike(suspect, source, n) && (!breaksInSource || source.values[2 * n] === 'true'),
        };
      });
    }
  }
}

/** The values of a suspect are, of each column, its text and then the form that both sides share. */
function isAlike(suspect: Suspect, source: Suspect, n: number): boolean {
  const common = suspect.values.slice(n, 2 * n);
  return source.rows >= suspect.rows && common.every((value, i) => value === source.values[n + i]);
}

function dataOf(columns: TimeRule['columns'], suspect: Suspect, source: Suspect | null) {
  return {
    differences: columns.map((column, i) => ({
      name: column.source.name,
      targetName: column.target.name,
      source: source?.values[i] ?? null,
      target: suspect.values[i] ?? null,
    })),
    source: source && Object.fromEntries(columns.map((column, i) => [column.source.name, source.values[i] ?? null])),
    target: Object.fromEntries(columns.map((column, i) => [column.target.name, suspect.values[i] ?? null])),
  };
}
