import type { ColumnShape } from '../database/table-shape';
import { isDistinct } from './distinct';

/** In which type a column of both sides is compared. */
export interface CommonType {
  /** The type to cast both sides to; null: both are compared as they are. */
  readonly castTo: string | null;
  /** The type that the compared value has. */
  readonly type: string;
  /** What a reader of the report should know; null: the types are the same. */
  readonly note: string | null;
}

const INTEGERS = ['smallint', 'integer', 'bigint'];
/** Families whose members convert to the widest one without losing anything; the widest stands last. */
const FAMILIES: readonly (readonly string[])[] = [
  INTEGERS,
  [...INTEGERS, 'numeric'],
  ['real', 'double precision'],
  ['date', 'timestamp without time zone'],
  ['timestamp without time zone', 'timestamp with time zone'],
  ['json', 'jsonb'],
  ['cidr', 'inet'],
];

export function isInteger(baseType: string): boolean {
  return INTEGERS.includes(baseType);
}

/**
 * The common type of a column pair. Equality is SQL's `=` of that type, so 1.0 equals 1.00. The text forms are compared
 * where no family holds both types, and for every type whose values PostgreSQL's hashes do not all tell apart.
 */
export function commonType(source: ColumnShape, target: ColumnShape): CommonType {
  const [a, b] = [source.baseType, target.baseType];
  const note =
    source.type === target.type ? null : `${source.name}: ${source.type} in the source, ${target.type} in the target`;
  if (a === b && isDistinct(a)) return { castTo: null, type: a, note };
  const widest = a === b && a !== 'json' ? undefined : FAMILIES.find((f) => f.includes(a) && f.includes(b))?.at(-1);
  const type = widest !== undefined && isDistinct(widest) ? widest : 'text';
  return { castTo: type, type, note };
}
