import { DEFAULT_CHECKS, type CheckFinding, type CheckOutcome } from '../../contracts/check';
import type { Comparison } from '../../contracts/comparison';
import { findReferences } from '../../engine/detect/find-references';
import { orphans, type Orphan } from '../../engine/detect/orphans';
import type { Reference } from '../../engine/detect/reference';
import { pairsOf, type CheckRules, type CheckRun } from './check';

/** References that a line of detail names at the most. */
const MOST_NAMED = 10;

/** Rows of the target that name a row which is not there, and are no orphans in the source. */
async function* checkReferences(
  { resources, runId, config, context: { signal } }: CheckRun,
  table: string,
): AsyncGenerator<readonly CheckFinding[], CheckOutcome, undefined> {
  const comparison = await resources.comparison(runId, table);
  const { references, unchecked } = await findReferences(
    comparison,
    (comparison.pair.checks ?? DEFAULT_CHECKS).references,
    {
      database: (connection, role) => resources.database(connection, role),
      pairs: pairsOf(config),
    },
  );
  const sides = resources.sides(comparison);
  const turn = <T>(use: () => Promise<T>) => resources.comparing(comparison, signal, use);
  let onBothSides = 0;
  for (const reference of references) {
    const pages = orphans(comparison, sides, reference, { signal, turn });
    try {
      for (;;) {
        const page = await pages.next();
        if (page.done) {
          onBothSides += page.value;
          break;
        }
        if (page.value.length > 0) yield page.value.map((orphan) => findingOf(comparison, reference, orphan));
      }
    } finally {
      await pages.return(0);
    }
  }
  return { detail: detailOf(references, unchecked, onBothSides) };
}

function findingOf({ pair }: Comparison, { id, label }: Reference, orphan: Orphan): CheckFinding {
  const { key, differences, source, target, parentInSource } = orphan;
  const hasFix = parentInSource === true;
  return {
    table: pair.name,
    type: 'referential_violation',
    severity: pair.critical ? 'critical' : hasFix ? 'medium' : 'high',
    about: id,
    key,
    differences,
    source,
    target,
    detail: `${label}: ${orphan.rows > 1 ? `${orphan.rows} equal rows: ` : ''}${whatToDo(orphan)}`,
  };
}

function whatToDo({ isPartial, parentInSource, isExtra }: Orphan): string {
  if (isPartial) return 'a part of the reference is NULL, which its constraint does not allow: review';
  if (parentInSource === true) return 'the target has no such row, the source has: insert it from there';
  const child = isExtra ? '; the row that refers to it is in the target only' : '';
  const known = parentInSource === false ? 'neither side has such a row' : 'the target has no such row';
  return `${known}${child}: review`;
}

function detailOf(references: readonly Reference[], unchecked: readonly string[], onBothSides: number): string {
  const named = (names: readonly string[]) => {
    const more = names.length > MOST_NAMED ? [`and ${names.length - MOST_NAMED} more`] : [];
    return [...names.slice(0, MOST_NAMED), ...more].join('; ');
  };
  return [
    references.length === 0 ? 'nothing refers to another row' : named(references.map(({ label }) => label)),
    ...(onBothSides === 0 ? [] : [`${onBothSides} lead nowhere in the source too`]),
    ...(unchecked.length === 0 ? [] : [`not checked: ${named(unchecked)}`]),
  ].join('; ');
}

export const references: CheckRules = { check: checkReferences, settles: true, rechecks: true };
