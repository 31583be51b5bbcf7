import type { ChunkKind } from '../contracts/chunk';
import type { ComparedColumn, Comparison, KeyColumn } from '../contracts/comparison';
import type { Difference } from '../contracts/difference';
import type { TextRow } from '../contracts/finding';
import { quoteIdentifier } from '../database/identifier';
import type { Sides } from './compare-chunk';
import { keyDigest } from './key';
import type { Located } from './locate';
import { sideOf, type Role } from './side';

/** The kinds of chunks whose rows no key tells apart: equal rows are counted on both sides. */
export type MultisetKind = Extract<ChunkKind, 'nulls' | 'multiset'>;

export function isMultiset(kind: ChunkKind): kind is MultisetKind {
  return kind === 'nulls' || kind === 'multiset';
}

/** The sides of a comparison by all values of a row: those of all rows, or only of those whose key holds a NULL. */
export function multisetSides(comparison: Comparison, sides: Sides, kind: MultisetKind): Sides {
  const key = identityOf(comparison);
  const byValues: Comparison = { ...comparison, key, keyNullable: false, columns: [] };
  const side = (role: Role) => {
    const all = sideOf(byValues, role, sides[role].database);
    if (kind === 'multiset') return all;
    const isNull = comparison.key.map((column) => `${quoteIdentifier(column[role])} is null`);
    return { ...all, filter: `${all.filter} and (${isNull.join(' or ')})` };
  };
  return { source: side('source'), target: side('target') };
}

/** What makes two rows equal: the key's columns and all others that are compared. */
function identityOf(comparison: Comparison): readonly KeyColumn[] {
  return [...comparison.key, ...comparison.columns.map(identityColumn)];
}

function identityColumn({ source, target, type, castTo, zone, forms, notNull }: ComparedColumn): KeyColumn {
  return {
    source,
    target,
    type,
    castTo: castTo ?? type,
    order: 'other',
    cast: { source: castTo !== null, target: castTo !== null },
    ...(zone ? { zone } : {}),
    ...(forms ? { forms } : {}),
    ...(notNull ? { notNull } : {}),
    collate: { source: false, target: false },
    collation: { source: null, target: null },
    boundType: { source: type, target: type },
  };
}

/** The difference between the two sides' numbers of equal rows. */
export function countDifference(comparison: Comparison, { key, source, target }: Located): Difference {
  const counts = { source: Number(source ?? 0), target: Number(target ?? 0) };
  const row = (role: Role): TextRow =>
    Object.fromEntries(identityOf(comparison).map((column, i) => [column[role], key[i] ?? null]));
  return {
    keyDigest: keyDigest(key),
    key: row('source'),
    type: counts.source > counts.target ? 'missing_in_target' : 'extra_in_target',
    source: counts.source > 0 ? row('source') : null,
    target: counts.target > 0 ? row('target') : null,
    digests: { source: null, target: null },
    differences: [],
    counts,
  };
}
