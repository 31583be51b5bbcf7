import type { Comparison, KeyColumn } from '../contracts/comparison';
import type { Difference } from '../contracts/difference';
import type { RowInconsistencyType } from '../contracts/finding';
import { differencesOf } from './difference';
import type { InTarget } from './equivalence';
import { keyDigest, keyText, type KeyValues } from './key';
import type { Row, RowsByKey } from './row';
import type { Role } from './side';

const OTHER: Readonly<Record<Role, Role>> = { source: 'target', target: 'source' };

/** Whether a row may be there though no row of that key was found in the same place: filtered out, or spelt otherwise. */
export function looksFurther(sides: {
  readonly source: { readonly isFiltered: boolean; readonly key: readonly { readonly spelled: unknown }[] };
  readonly target: { readonly isFiltered: boolean; readonly key: readonly { readonly spelled: unknown }[] };
}): boolean {
  return [sides.source, sides.target].some(
    (side) => side.isFiltered || side.key.some(({ spelled }) => spelled !== null),
  );
}

/** What is to be asked for {@link comparedDifferences}. */
export interface Asked {
  readonly inTarget: InTarget;
  /** Reads rows of a side by their keys. */
  readonly read: (role: Role, keys: readonly KeyValues[]) => Promise<RowsByKey>;
}

/**
 * How the rows of the given keys differ as far as they are compared: a row that lies outside of the filter on both sides is
 * not, and one that has another key than the one it was found by is so under its own. A row whose key is spelt otherwise on
 * the other side is one row, unless that spelling is another row's: what is one key there are then two here.
 */
export async function comparedDifferences(
  comparison: Comparison,
  keys: readonly KeyValues[],
  rows: Readonly<Record<Role, RowsByKey>>,
  { inTarget, read }: Asked,
): Promise<readonly (Difference | null)[]> {
  const differences = await differencesOf(comparison, keys, rows.source, rows.target, inTarget);
  const found = keys.map((key) => ({ source: rows.source.get(keyText(key)), target: rows.target.get(keyText(key)) }));
  const compared = differences.map((difference, i) => {
    const { source, target } = found[i] ?? {};
    if (!source?.inFilter && !target?.inFilter) return null;
    const alone = source && target ? undefined : (source ?? target);
    return alone && keyText(alone.key) !== keyText(keys[i] ?? []) ? null : difference;
  });
  const twins = compared.map((difference, i) => (difference === null ? null : twinOf(keys[i] ?? [], found[i] ?? {})));
  const taken: Record<Role, ReadonlySet<string>> = {
    source: await spelledSo('source', twins, read),
    target: await spelledSo('target', twins, read),
  };
  return compared.map((difference, i) => {
    const { source, target } = found[i] ?? {};
    const twin = twins[i] ?? null;
    if (difference === null) return null;
    const many = [source, target].find((row) => row?.isOneOfMany);
    if (many && source && target && !(source.inFilter && target.inFilter)) {
      return alone(
        difference,
        source.inFilter ? 'source' : 'target',
        'outside of the filter, several rows of the other side have this key',
      );
    }
    if (twin === null) return withFilter(difference, source, target);
    const own = OTHER[twin.role];
    if (taken[own].has(keyText(twin.key))) {
      return alone(
        difference,
        own,
        `two rows of the ${own} are one key in the ${twin.role}, which has the row under the other's spelling`,
      );
    }
    return { ...withFilter(difference, source, target), twin: { keyDigest: keyDigest(twin.key), role: twin.role } };
  });
}

/**
 * The kinds of rows of one side only which may have another spelling on the other side that only their own side takes for
 * the same: where not all rows are compared, nobody comes upon that one.
 */
export function unaskedSpellings(key: readonly KeyColumn[]): readonly RowInconsistencyType[] {
  const only = (role: Role) =>
    key.some(({ spelled }) => spelled && spelled[role] !== null && spelled[OTHER[role]] === null);
  return [
    ...(only('target') ? (['extra_in_target'] as const) : []),
    ...(only('source') ? (['missing_in_target'] as const) : []),
  ];
}

interface Spelling {
  readonly key: KeyValues;
  readonly role: Role;
}

interface Found {
  readonly source?: Row | undefined;
  readonly target?: Row | undefined;
}

/** How the row of a key is spelt on the side that spells it otherwise; null: both spell it alike, or only one has it. */
function twinOf(key: KeyValues, { source, target }: Found): Spelling | null {
  if (!source || !target || keyText(source.key) === keyText(target.key)) return null;
  return keyText(target.key) === keyText(key)
    ? { key: source.key, role: 'source' }
    : { key: target.key, role: 'target' };
}

/** Which keys of the other side's spelling are a row's of this side, spelt so. */
async function spelledSo(
  role: Role,
  twins: readonly (Spelling | null)[],
  read: Asked['read'],
): Promise<ReadonlySet<string>> {
  const keys = twins.flatMap((twin) => (twin?.role === OTHER[role] ? [twin.key] : []));
  if (keys.length === 0) return new Set();
  const rows = await read(role, keys);
  return new Set(keys.map(keyText).filter((text) => keyText(rows.get(text)?.key ?? []) === text));
}

/** The row as one that only `role` has, for which nothing is planned. */
function alone(difference: Difference, role: Role, detail: string): Difference {
  const { twin: _, ...rest } = difference;
  return {
    ...rest,
    type: role === 'source' ? 'missing_in_target' : 'extra_in_target',
    [OTHER[role]]: null,
    differences: [],
    detail,
    held: true,
  };
}

function withFilter(difference: Difference, source: Row | undefined, target: Row | undefined): Difference {
  if (!source || !target || (source.inFilter && target.inFilter)) return difference;
  return {
    ...difference,
    detail: `in the ${source.inFilter ? 'target' : 'source'} the row lies outside of the filter`,
  };
}
