import type { KeyColumn, Strategy } from '../contracts/comparison';
import { BYTE_COLLATION } from '../database/collation';
import type { ColumnShape, IndexShape, TableShape } from '../database/table-shape';
import { isInteger, ownEquality } from './common-type';
import type { KeyPair } from './key-choice';
import { ownType } from './own-type';
import type { Role } from './side';
import { textForms } from './text-form';
import { zoneId } from './zone';

export interface KeyLayout {
  /** In the order in which an index has them, where ranges are used. */
  readonly key: readonly KeyColumn[];
  readonly strategy: Strategy;
  /** Why no ranges are used, for a reader of the report; null: they are. */
  readonly why: string | null;
}

/** A key column in an order that both sides share. */
type Ordered = KeyColumn & { readonly collations: Readonly<Record<Role, string | null>> };

/**
 * Decides how a key is cut up. Ranges need every column to sort alike on both sides, and an index on each that gives
 * the order. Text sorts alike byte by byte, or where both collations are of one library, locale and version; enums,
 * where both sides declare the same labels in the same order.
 *
 * A proof that is wrong (a library that lies about its version) cannot hide a difference: the chunks of one side
 * cover every row of it under any order, `(-∞, a), [a, b), [b, ∞)`, so a row that falls into different chunks on both sides
 * is a candidate, and is then read by its key.
 */
export function layKey(pairs: readonly KeyPair[], source: TableShape, target: TableShape): KeyLayout {
  const orders = pairs.map(sharedOrders);
  const found = matchIndexes(pairs, orders, source.indexes, target.indexes);
  if (found) return { key: found, strategy: 'ranges', why: null };
  return { key: pairs.map(keyColumn), strategy: 'buckets', why: whyNot(pairs, source, target) };
}

function matchIndexes(
  pairs: readonly KeyPair[],
  orders: readonly (readonly Ordered[])[],
  source: readonly IndexShape[],
  target: readonly IndexShape[],
): readonly KeyColumn[] | null {
  for (const ofSource of source) {
    const places = ofSource.columns
      .slice(0, pairs.length)
      .map((name) => pairs.findIndex((found) => found.source.name === name));
    if (!ofSource.ordered || new Set(places).size !== pairs.length || places.includes(-1)) continue;
    for (const ofTarget of target) {
      if (!ofTarget.ordered) continue;
      const key = places.flatMap(
        (place, i) =>
          orders[place]?.find(
            (order) =>
              order.target === ofTarget.columns[i] &&
              order.collations.source === ofSource.collations[i] &&
              order.collations.target === ofTarget.collations[i],
          ) ?? [],
      );
      if (key.length === pairs.length) return key.map(({ collations: _, ...column }) => column);
    }
  }
  return null;
}

function whyNot(pairs: readonly KeyPair[], source: TableShape, target: TableShape): string {
  for (const pair of pairs) {
    const { cast, order, type } = keyColumn(pair);
    const [a, b] = [pair.source.collation?.order, pair.target.collation?.order];
    if (order !== 'integer' && (cast.source || cast.target)) return `${pair.source.name} is compared as ${type}`;
    if (a === null || a !== b) return `nothing proves that ${pair.source.name} sorts alike in both databases`;
  }
  const lacks = (role: Role, shape: TableShape) => {
    const names = pairs.map((found) => found[role].name);
    const gives = (index: IndexShape) => names.every((name) => index.columns.slice(0, names.length).includes(name));
    return shape.indexes.some((index) => index.ordered && gives(index)) ? [] : [role];
  };
  const without = [...lacks('source', source), ...lacks('target', target)];
  if (without.length > 0) return `no index gives its order in the ${without.join(' and the ')}`;
  return 'the indexes of the two sides have different orders';
}

function keyColumn({ source, target, common, zone }: KeyPair): KeyColumn {
  const { type } = common;
  const own = alikeTypes(source, target);
  const forms = textForms(source, target, common);
  const integers = isInteger(source.baseType) && isInteger(target.baseType);
  const cast = (column: ColumnShape) => !own && needsCast(column, type);
  const bound = (column: ColumnShape) => (own ? column.baseType : type);
  return {
    source: source.name,
    target: target.name,
    type,
    castTo: common.castTo ?? type,
    ...(forms ? { forms } : {}),
    order: type === 'text' ? 'text' : integers ? 'integer' : type === 'uuid' ? 'uuid' : 'other',
    // A cast that is not needed would keep an index from being used.
    cast: { source: cast(source), target: cast(target) },
    ownType: {
      source: cast(source) && isLookedUp(zone?.source) ? ownType(source.baseType, type) : null,
      target: cast(target) && isLookedUp(zone?.target) ? ownType(target.baseType, type) : null,
    },
    ...(zone ? { zone } : {}),
    spelled: { source: ownEquality(source, target), target: ownEquality(target, source) },
    notNull: { source: source.notNull, target: target.notNull },
    collate: { source: false, target: false },
    collation: { source: source.collation?.sql ?? null, target: target.collation?.sql ?? null },
    boundType: { source: bound(source), target: bound(target) },
  };
}

/** Whether a column's own index can find instants: each is one time of the zone, and no other time is that instant. */
function isLookedUp(zone: string | null | undefined): boolean {
  return !zone || zoneId(zone) === 'UTC';
}

function needsCast(column: ColumnShape, type: string): boolean {
  if (column.baseType === type) return false;
  return !(type === 'text' && column.baseType === 'character varying');
}

/** Whether both sides' own types, though compared as text, find and order the same values. */
function alikeTypes(source: ColumnShape, target: ColumnShape): boolean {
  if (source.baseType === 'bpchar' && target.baseType === 'bpchar') return true;
  if (source.labels === null || target.labels === null) return false;
  return JSON.stringify(source.labels) === JSON.stringify(target.labels);
}

interface SideOrder {
  readonly collate: boolean;
  readonly sql: string | null;
  readonly order: string | null;
}

/** The orders that both sides' columns share, those without a collation to be said first. */
function sharedOrders(pair: KeyPair): readonly Ordered[] {
  const column = keyColumn(pair);
  const ordered = (source: SideOrder, target: SideOrder): Ordered => ({
    ...column,
    collate: { source: source.collate, target: target.collate },
    collations: { source: source.sql, target: target.sql },
  });
  const [ofSource, ofTarget] = [sideOrders(pair.source), sideOrders(pair.target)];
  if (column.cast.source || column.cast.target) {
    return column.order === 'integer' ? [ordered(...NO_COLLATION)] : [];
  }
  return ofSource.flatMap((source) =>
    ofTarget.flatMap((target) =>
      source.order !== null && source.order === target.order ? [ordered(source, target)] : [],
    ),
  );
}

const PLAIN: SideOrder = { collate: false, sql: null, order: 'plain' };
const NO_COLLATION = [PLAIN, PLAIN] as const;

function sideOrders({ collation }: ColumnShape): readonly SideOrder[] {
  if (collation === null) return [PLAIN];
  return [
    { collate: false, sql: collation.sql, order: collation.order },
    { collate: true, sql: BYTE_COLLATION, order: collation.byteOrder },
  ];
}
